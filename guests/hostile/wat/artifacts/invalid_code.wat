;; Has a function that does not validate.

(component
  (core module (func (result i32) (f64.const 1))))
