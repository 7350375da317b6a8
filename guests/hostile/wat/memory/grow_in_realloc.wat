;; Takes all memory when the host asks it for room.

(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (loop $more (br_if $more (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
  (i32.const 65536))
