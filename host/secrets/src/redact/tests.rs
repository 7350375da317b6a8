//! What must not come back does not, however it is spelled and cut.

use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD};

use super::*;
use crate::testing::{Numbers, name, secret};

fn redactions(secrets: &[(&str, &[u8])]) -> Redactions {
    let secrets: Vec<_> = secrets
        .iter()
        .map(|(called, value)| (name(called), secret(value)))
        .collect();
    Redactions::new(secrets.iter().map(|(name, secret)| (name, secret))).unwrap()
}

/// In pieces that end at these places.
fn in_pieces(redactions: &Redactions, text: &[u8], ends: &[usize]) -> Vec<u8> {
    let (mut redactor, mut out, mut from) = (redactions.redactor(), Vec::new(), 0);
    for end in ends.iter().copied().chain([text.len()]) {
        redactor.push(&text[from..end], &mut out);
        from = end;
    }
    redactor.finish(&mut out);
    out
}

fn whole(redactions: &Redactions, text: &[u8]) -> String {
    let whole = redactions.redact(text);
    String::from_utf8(whole.unwrap_or_else(|| text.to_vec())).unwrap()
}

#[test]
fn every_occurrence_becomes_its_placeholder() {
    let redactions = redactions(&[("a", b"abc"), ("long", b"correct horse")]);
    for (text, want) in [
        ("", ""),
        ("nothing", "nothing"),
        ("abc", "{{secret:a}}"),
        ("xabcabcx", "x{{secret:a}}{{secret:a}}x"),
        ("ababc", "ab{{secret:a}}"),
        ("abababd", "abababd"),
        ("correct horse, abc", "{{secret:long}}, {{secret:a}}"),
        ("correct hors", "correct hors"),
    ] {
        assert_eq!(whole(&redactions, text.as_bytes()), want);
    }
    assert_eq!(redactions.redact(b"nothing"), None);
    assert_eq!(format!("{redactions:?}"), "Redactions(2 secrets)");
    assert!(!redactions.is_empty());
    let none = super::tests::redactions(&[]);
    assert!(none.is_empty());
    assert_eq!(in_pieces(&none, b"text", &[2]), b"text");
}

#[test]
fn secrets_that_overlap_go_together() {
    let overlapping = redactions(&[("a", b"abcdef"), ("d", b"defghi"), ("cd", b"cd")]);
    assert_eq!(whole(&overlapping, b"-abcdefghi-"), "-{{secret:a}}-");
    assert_eq!(whole(&overlapping, b"-abcd-"), "-ab{{secret:cd}}-");
    assert_eq!(whole(&overlapping, b"cdefghi"), "{{secret:cd}}");
    let nested = redactions(&[("inner", b"bc"), ("outer", b"abcd"), ("same", b"abcd")]);
    assert_eq!(whole(&nested, b"abcd"), "{{secret:outer}}");
    assert_eq!(whole(&nested, b"abce"), "a{{secret:inner}}e");
    let repeated = redactions(&[("aa", b"aaaa")]);
    assert_eq!(whole(&repeated, b"xaaaaaaaaaay"), "x{{secret:aa}}y");
}

#[test]
fn a_text_may_be_cut_anywhere() {
    let redactions = redactions(&[
        ("a", b"abcabd"),
        ("b", b"cabx"),
        ("aa", b"aaaa"),
        ("long", b"\"long & secret\""),
    ]);
    let mut texts: Vec<Vec<u8>> =
        vec![b"abcabcabxaaaaaaabcabdab \\\"long \\u0026 secret\\\"!".to_vec()];
    let mut numbers = Numbers(11);
    texts.extend((0..200).map(|_| numbers.bytes(40, b"aaabbcdx")));
    for text in texts {
        let want = in_pieces(&redactions, &text, &[]);
        for first in 0..=text.len() {
            assert_eq!(in_pieces(&redactions, &text, &[first]), want);
            let second = first + numbers.below(text.len() - first + 1);
            assert_eq!(in_pieces(&redactions, &text, &[first, second]), want);
        }
        let each: Vec<_> = (0..text.len()).collect();
        assert_eq!(in_pieces(&redactions, &text, &each), want);
    }
}

/// What is covered by occurrences, found the slow way.
#[test]
fn what_is_covered_goes_and_what_is_not_stays() {
    let mut numbers = Numbers(5);
    let mut found = 0;
    for _ in 0..3000 {
        let count = 1 + numbers.below(4);
        let values: Vec<_> = (0..count).map(|_| numbers.bytes(5, b"ab")).collect();
        let names = ["p", "q", "r", "s"];
        let secrets: Vec<_> = names
            .into_iter()
            .zip(values.iter().map(Vec::as_slice))
            .collect();
        let redactions = redactions(&secrets);
        let text = numbers.bytes(30, b"aabbc");
        let mut is_covered = vec![false; text.len()];
        for value in &values {
            for at in 0..text.len() {
                if text[at..].starts_with(value) {
                    is_covered[at..at + value.len()].fill(true);
                    found += 1;
                }
            }
        }
        let ends: Vec<_> = (0..text.len()).filter(|_| numbers.below(3) == 0).collect();
        let redacted = String::from_utf8(in_pieces(&redactions, &text, &ends)).unwrap();
        let mut left = redacted.clone();
        for name in names {
            left = left.replace(&format!("{{{{secret:{name}}}}}"), "");
        }
        let want = text
            .iter()
            .zip(&is_covered)
            .filter(|(_, covered)| !**covered);
        let want: Vec<u8> = want.map(|(byte, _)| *byte).collect();
        assert_eq!(left.as_bytes(), want, "{redacted}");
    }
    assert!(found > 10_000);
}

#[test]
fn base64_is_found_wherever_the_secret_is_in_it() {
    for value in ["S3cr3t/+~Value", "hunter2", "p\u{fc}/", "1234"] {
        base64_is_found(value.as_bytes());
    }
    let redactions = redactions(&[("v", b"S3cr3t/+~Value")]);
    let basic = BASE64.encode(b"user:S3cr3t/+~Value");
    let redacted = whole(&redactions, format!("Basic {basic}").as_bytes());
    assert_eq!(redacted, "Basic dXNlcjp{{secret:v}}==");
}

fn base64_is_found(value: &[u8]) {
    let redactions = redactions(&[("v", value)]);
    let mut numbers = Numbers(2);
    for before in 0..7 {
        for behind in 0..7 {
            let mut bytes = numbers.bytes(1, b"u").repeat(before);
            bytes.extend_from_slice(value);
            bytes.extend(b"w".repeat(behind));
            for encoding in [BASE64, BASE64_NOPAD, BASE64URL, BASE64URL_NOPAD] {
                let encoded = encoding.encode(&bytes);
                let redacted = whole(&redactions, encoded.as_bytes());
                assert!(redacted.contains("{{secret:v}}"), "{encoded} {redacted}");
                let left = redacted.replace("{{secret:v}}", "");
                // The letters of what is around it, one that is shared at each end, and padding.
                let around = (before * 8).div_ceil(6) + (behind * 8).div_ceil(6) + 2;
                assert!(left.len() <= around + 2, "{encoded} {redacted}");
            }
        }
    }
}

#[test]
fn what_libraries_escape_is_found() {
    let value = "pä\"s/s wo+rd<&'~*\\é";
    let redactions = redactions(&[("v", value.as_bytes())]);
    for spelled in [
        value,
        // urllib.parse.quote_plus, quote, and with lower case
        "p%C3%A4%22s%2Fs+wo%2Brd%3C%26%27~%2A%5C%C3%A9",
        "p%C3%A4%22s/s%20wo%2Brd%3C%26%27~%2A%5C%C3%A9",
        "p%c3%a4%22s%2fs%20wo%2brd%3c%26%27~%2a%5c%c3%a9",
        // encodeURIComponent, encodeURI, URLSearchParams
        "p%C3%A4%22s%2Fs%20wo%2Brd%3C%26'~*%5C%C3%A9",
        "p%C3%A4%22s/s%20wo+rd%3C&'~*%5C%C3%A9",
        "p%C3%A4%22s%2Fs+wo%2Brd%3C%26%27%7E*%5C%C3%A9",
        // serde_json and JSON.stringify, json.dumps, PHP, Go
        "pä\\\"s/s wo+rd<&'~*\\\\é",
        "p\\u00e4\\\"s/s wo+rd<&'~*\\\\\\u00e9",
        "p\\u00e4\\\"s\\/s wo+rd<&'~*\\\\\\u00e9",
        "p\\u00E4\\\"s/s wo+rd\\u003C\\u0026\\u0027~*\\\\\\u00E9",
    ] {
        let text = format!("<{spelled}>");
        assert_eq!(
            whole(&redactions, text.as_bytes()),
            "<{{secret:v}}>",
            "{spelled}"
        );
    }
    let go = super::tests::redactions(&[("v", b"long<&>value")]);
    let text = b"long\\u003c\\u0026\\u003evalue";
    assert_eq!(whole(&go, text), "{{secret:v}}");
}

#[test]
fn short_secrets_are_found_as_they_are_only() {
    let redactions = redactions(&[("pin", b"1/4")]);
    assert_eq!(whole(&redactions, b"1/4 1%2F4"), "{{secret:pin}} 1%2F4");
    let bytes = super::tests::redactions(&[("b", b"\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8")]);
    let text = b"<\xff\xfe\xfd\xfc\xfb\xfa\xf9\xf8> %FF%FE%FD%FC%FB%FA%F9%F8";
    assert_eq!(whole(&bytes, text), "<{{secret:b}}> {{secret:b}}");
}

#[test]
fn what_is_held_is_bounded_and_what_cannot_be_a_secret_is_not_held() {
    let redactions = redactions(&[("a", &b"a".repeat(1000)), ("b", b"xyz")]);
    let (mut redactor, mut out) = (redactions.redactor(), Vec::new());
    redactor.push(b"hello", &mut out);
    assert_eq!((out.len(), redactor.held_bytes()), (5, 0));
    let mut most = 0;
    for _ in 0..5000 {
        redactor.push(b"a", &mut out);
        most = most.max(redactor.held_bytes());
    }
    assert_eq!(most, 1000);
    // Of one long run there is one placeholder.
    assert_eq!(
        (redactor.replaced(), out.len()),
        (1, 5 + "{{secret:a}}".len())
    );
    redactor.push(b"!x", &mut out);
    assert_eq!(redactor.held_bytes(), 1);
    redactor.finish(&mut out);
    assert!(out.ends_with(b"{{secret:a}}!x"));
    out.clear();
    redactor.push(b"yz", &mut out);
    redactor.finish(&mut out);
    assert_eq!(out, b"yz", "a text begins anew");
}

/// A server that sends what almost is the secret, byte by byte, makes nobody look at the same byte again: this would
/// take minutes.
#[test]
fn time_grows_with_the_text() {
    let value = "ab".repeat(MAX_FILLED_BYTES / 2);
    let redactions = redactions(&[("v", value.as_bytes())]);
    let (mut redactor, mut out) = (redactions.redactor(), Vec::new());
    let almost = format!("{}c", &value[..value.len() - 1]);
    for _ in 0..30 {
        for byte in almost.as_bytes() {
            redactor.push(std::slice::from_ref(byte), &mut out);
        }
    }
    redactor.finish(&mut out);
    assert_eq!((out.len(), redactor.replaced()), (almost.len() * 30, 0));
}

#[test]
fn too_much_is_refused() {
    let name = name("n");
    let long = secret(vec![b'x'; MAX_FILLED_BYTES + 1]);
    let error = Redactions::new([(&name, &long)]).unwrap_err();
    assert_eq!(error, RedactError::TooLong(name.clone()));
    let longest = secret(vec![b'/'; MAX_FILLED_BYTES]);
    let many = std::iter::repeat_n((&name, &longest), 64);
    assert_eq!(Redactions::new(many).unwrap_err(), RedactError::TooMuch);
}
