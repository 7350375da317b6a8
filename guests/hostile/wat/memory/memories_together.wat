;; Grows a memory and a table in turns until neither may.

(table $t 1 funcref)
(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (loop $more
    (br_if $more (i32.or
      (i32.ne (memory.grow (i32.const 1)) (i32.const -1))
      (i32.ne (table.grow $t (ref.null func) (i32.const 1000)) (i32.const -1)))))
  (i32.const 3072))
