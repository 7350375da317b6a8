;; Ends itself before anything is called.

(start $end)
(func $end unreachable)
