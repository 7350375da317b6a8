;; Spins in the start function of its core module, before anything is called.

(start $spin)
(func $spin (loop $ever (br $ever)))
