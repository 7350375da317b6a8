;; Asks for no more memory, a million times over, and never gives way.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (loop $ever (drop (memory.grow (i32.const 0))) (br $ever)) unreachable)
