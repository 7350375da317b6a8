;; Gives the host room where its own description lies.

(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const 1024))
