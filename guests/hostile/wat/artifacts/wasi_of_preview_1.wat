;; Imports WASI as core modules do.

(component
  (core module $m (import "wasi_snapshot_preview1" "proc_exit" (func (param i32))))
  (core instance (instantiate $m)))
