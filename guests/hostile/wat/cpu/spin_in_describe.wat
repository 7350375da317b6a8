;; Spins in `describe`.

(func (export "worker#describe") (result i32)
  (loop $ever (br $ever)) unreachable)
