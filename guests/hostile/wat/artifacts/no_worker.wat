;; Is a component that exports nothing.

(component)
