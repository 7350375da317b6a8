//! What the macros accept, and what they say when they do not. After a deliberate change of a
//! sentence: `TRYBUILD=overwrite cargo test -p external-worker --test ui`.

#[test]
fn macros() {
    let cases = trybuild::TestCases::new();
    cases.pass("tests/ui/pass/*.rs");
    cases.compile_fail("tests/ui/fail/*.rs");
}
