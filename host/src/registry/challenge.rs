//! What a registry says about how it wants to be asked: `WWW-Authenticate`, of which there may be
//! several, each with several challenges in it, in any order.

use http_auth::parser::ChallengeParser;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// One way to be let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Challenge {
    /// With a token, from there.
    Bearer {
        realm: String,
        service: Option<String>,
    },
    /// With the login itself.
    Basic,
}

/// The best of the ways that an answer offers and that are known here: a token is of use for one
/// repository and a short time, so it is better to send around than a password.
pub(super) fn best(headers: &HeaderMap) -> Option<Challenge> {
    let values = headers.get_all(WWW_AUTHENTICATE).iter();
    let texts = values.filter_map(|value| value.to_str().ok());
    let offered: Vec<Challenge> = texts.flat_map(read).collect();
    let is_bearer = |challenge: &&Challenge| matches!(challenge, Challenge::Bearer { .. });
    let bearer = offered.iter().find(is_bearer);
    bearer.or(offered.first()).cloned()
}

/// The challenges of one header, as far as it can be read.
fn read(header: &str) -> Vec<Challenge> {
    let readable = ChallengeParser::new(header).map_while(Result::ok);
    let known = readable.filter_map(|challenge| {
        let parameter = |wanted: &str| {
            let mut all = challenge.params.iter();
            let found = all.find(|(name, _)| name.eq_ignore_ascii_case(wanted))?;
            Some(found.1.to_unescaped())
        };
        if challenge.scheme.eq_ignore_ascii_case("bearer") {
            let (realm, service) = (parameter("realm")?, parameter("service"));
            return Some(Challenge::Bearer { realm, service });
        }
        let is_basic = challenge.scheme.eq_ignore_ascii_case("basic");
        is_basic.then_some(Challenge::Basic)
    });
    known.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(headers: &[&str]) -> Option<Challenge> {
        let values = headers.iter().map(|text| text.parse().unwrap());
        best(&values.map(|value| (WWW_AUTHENTICATE, value)).collect())
    }

    fn bearer(realm: &str, service: Option<&str>) -> Option<Challenge> {
        Some(Challenge::Bearer {
            realm: realm.to_owned(),
            service: service.map(str::to_owned),
        })
    }

    #[test]
    fn a_token_is_preferred_wherever_it_is_offered() {
        let token = bearer("https://auth.example/token?a=b", Some("a, b"));
        let offer = r#"Bearer realm="https://auth.example/token?a=b",service="a, b",scope="x:y""#;
        let with_basic = format!(r#"Basic realm="here, or there", {offer}"#);
        let before_basic = format!(r#"{offer}, Basic realm="x""#);
        for headers in [
            &[offer][..],
            &[&offer.replace("Bearer", "bEARER").replace("realm", "REALM")],
            &[&with_basic],
            &[&before_basic],
            &[r#"Basic realm="x""#, offer],
            &[offer, r#"Basic realm="x""#],
            &["Negotiate", r#"Digest realm="x", nonce="y""#, offer],
            &[&offer.replace(',', " , ")],
        ] {
            let read = of(headers);
            let spaced = bearer("https://auth.example/token?a=b", Some("a ,  b"));
            assert!(read == token || read == spaced, "{headers:?}: {read:?}");
        }
        let escaped = r#"Bearer realm="https://a.example/\"x\"""#;
        assert_eq!(of(&[escaped]), bearer("https://a.example/\"x\"", None));
    }

    #[test]
    fn what_cannot_be_read_or_used_is_passed_over() {
        assert_eq!(of(&[r#"BASIC realm="x""#]), Some(Challenge::Basic));
        assert_eq!(of(&["Bearer service=x", "Basic"]), Some(Challenge::Basic));
        for nothing in [
            "",
            "Negotiate",
            "Bearer",
            "Bearer realm=\"x",
            "=",
            "\"",
            ",,,",
        ] {
            assert_eq!(of(&[nothing]), None, "{nothing}");
        }
        assert_eq!(of(&[]), None);
    }
}
