;; What the core module of every worker has, each part unless the attack has it itself. Parts are
;; separated by empty lines.

(memory (export "memory") 4)

(global $free (mut i32) (i32.const 65536))
(func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
  (local $at i32)
  (local.set $at (i32.and (i32.add (global.get $free) (i32.const 7)) (i32.const -8)))
  (global.set $free (i32.add (local.get $at) (local.get 3)))
  (local.get $at))

;; One class "hostile" with one method "attack" that has neither inputs nor outputs. At 3072 there are
;; zeros: an `ok`, an empty list, `none`.
(func (export "worker#describe") (result i32) (i32.const 1024))
(data (i32.const 1024) "\10\04\00\00\01\00\00\00")
(data (i32.const 1040)
  "\00\08\00\00\07\00\00\00" "\00\08\00\00\07\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00"
  "\10\08\00\00\11\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00"
  "\80\ee\36\00" "\00\00\00\00" "\80\04\00\00\01\00\00\00")
(data (i32.const 1152)
  "\30\08\00\00\06\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00"
  "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00" "\00\00\00\00\00\00\00\00\00\00\00\00" "\01\00\00\00")
(data (i32.const 2048) "hostile")
(data (i32.const 2064) "{\22type\22:\22object\22}")
(data (i32.const 2096) "attack")

(func (export "worker#start") (param i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 3072))

(func (export "worker#loop") (result i32) (i32.const 3072))

(func (export "worker#update-config") (param i32 i32) (result i32) (i32.const 3072))

(func (export "worker#get-nodeshelf") (result i32) (i32.const 3072))

(func (export "worker#call") (param i64 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 3072))

(func (export "worker#cancel") (param i64))

(func (export "worker#stop"))
