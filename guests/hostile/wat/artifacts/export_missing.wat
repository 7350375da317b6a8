;; Exports the interface of a worker with nothing in it.

(component
  (instance $w)
  (export "funcnodes:external-worker/worker@0.2.0" (instance $w)))
