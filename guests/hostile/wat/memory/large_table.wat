;; Has a table of ten million elements from the start.

(table 10000000 funcref)
