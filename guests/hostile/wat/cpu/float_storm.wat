;; Computes with numbers too small for the fast path of a processor.

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (local $x f64)
  (local.set $x (f64.const 0x1p-1070))
  (loop $ever (local.set $x (f64.mul (f64.add (local.get $x) (f64.const 0x1p-1074)) (f64.const 0x1.8p-1))) (br $ever)) unreachable)
