;; Gives the host room between two words.

(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (i32.const 65537))
