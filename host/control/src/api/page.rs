//! Lists, a page at a time. The cursor is the key of the last item, so that what comes and goes meanwhile moves
//! nothing.

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::limits::{MAX_CURSOR_BYTES, MAX_PAGE, PAGE};
use crate::model::{Code, Problem};

/// What a list is asked for.
#[derive(Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(super) struct Paging {
    /// How many items.
    #[param(required = false, value_type = u16, minimum = 1, maximum = 200, default = 50)]
    #[serde(default)]
    limit: Option<usize>,
    /// Only those after the page that ended with this `next`.
    #[param(required = false, value_type = String, max_length = 512, pattern = "^([0-9a-f]{2})*$")]
    #[serde(default)]
    after: Option<String>,
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub(super) struct Page<T> {
    items: Vec<T>,
    next: Option<String>,
}

/// The parameters of a list.
pub(super) fn paging() -> Vec<Parameter> {
    Paging::into_params(|| Some(ParameterIn::Query))
}

/// How many items are wanted.
pub(super) fn limit(limit: Option<usize>) -> Result<usize, Problem> {
    let limit = limit.unwrap_or(PAGE);
    if (1..=MAX_PAGE).contains(&limit) {
        return Ok(limit);
    }
    let problem = format!("`limit` has to be 1 to {MAX_PAGE}");
    Err(Problem::new(Code::BadRequest, problem))
}

impl Paging {
    /// The page of `items` that is wanted; `key` tells them apart, and sorts them.
    pub fn page<T>(
        &self,
        items: impl IntoIterator<Item = T>,
        key: impl Fn(&T) -> &str,
    ) -> Result<Page<T>, Problem> {
        let limit = limit(self.limit)?;
        let after = self.after.as_deref().map(decoded).transpose()?;
        let is_after = |item: &T| {
            after
                .as_deref()
                .is_none_or(|after| key(item).as_bytes() > after)
        };
        let mut items: Vec<_> = items.into_iter().filter(is_after).collect();
        items.sort_by(|one, other| key(one).cmp(key(other)));
        let is_more = items.len() > limit;
        items.truncate(limit);
        let last = items.last().filter(|_| is_more);
        let next = last.map(|last| HEXLOWER.encode(key(last).as_bytes()));
        Ok(Page { items, next })
    }
}

impl<T> Page<T> {
    /// The same page of what `change` makes of its items.
    pub fn map<U>(self, change: impl FnMut(T) -> U) -> Page<U> {
        Page {
            items: self.items.into_iter().map(change).collect(),
            next: self.next,
        }
    }

    /// The page of which the last item has this number, if there are more.
    pub fn numbered(items: Vec<T>, next: Option<u64>) -> Self {
        let next = next.map(|number| number.to_string());
        Self { items, next }
    }
}

fn decoded(cursor: &str) -> Result<Vec<u8>, Problem> {
    let wrong = || Problem::new(Code::BadRequest, "`after` is no cursor of a list");
    if cursor.len() > MAX_CURSOR_BYTES {
        return Err(wrong());
    }
    HEXLOWER.decode(cursor.as_bytes()).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_follow_each_other_whatever_comes_and_goes() {
        let page = |after: Option<String>, items: &[&'static str]| {
            let limit = Some(2);
            let paging = Paging { limit, after };
            paging.page(items.to_vec(), |item| item).unwrap()
        };
        let first = page(None, &["d", "a", "c"]);
        assert_eq!(first.items, ["a", "c"]);
        let second = page(first.next, &["d", "b", "e"]);
        assert_eq!((second.items, second.next), (vec!["d", "e"], None));
        let wrong = ["%", "a", "AA", &"aa".repeat(257)];
        for cursor in wrong {
            let after = Some(cursor.to_owned());
            let paging = Paging { limit: None, after };
            paging.page([""], |item| item).unwrap_err();
        }
        limit(Some(0)).unwrap_err();
        limit(Some(MAX_PAGE + 1)).unwrap_err();
    }
}
