;; Answers a call outside of any.

(import "[export]worker" "[task-return]call" (func $return (param i32 i32 i32 i32)))
(func (export "worker#cancel") (param i64)
  (call $return (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0)))
(func (export "worker#get-nodeshelf") (result i32)
  (call $return (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
  (i32.const 3072))
(func (export "[async-lift]worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32)
  (call $return (i32.const 0) (i32.const 0) (i32.const 0) (i32.const 0))
  (i32.const 0))
(func (export "[callback][async-lift]worker#call") (param i32 i32 i32) (result i32)
  (i32.const 0))
