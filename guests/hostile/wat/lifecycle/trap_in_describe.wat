;; Ends itself in `describe`.

(func (export "worker#describe") (result i32) unreachable)
