//! Schemas as older drafts write them, in the words of 2020-12: pydantic 1 and others still do. What
//! follows a schema knows those words only.

use serde_json::{Map, Value as Json};

use super::keywords;

/// Puts `items` that is a list, `additionalItems` and `dependencies` into today's words, in `schema`
/// and all that is in it. Which draft a schema says that it is of is taken out: it is of 2020-12 now.
pub(super) fn rewrite(schema: &mut Json) {
    if let Json::Object(keywords) = schema {
        keywords.remove("$schema");
        let further = keywords.remove("additionalItems");
        if keywords.get("items").is_some_and(Json::is_array) {
            if let Some(list) = keywords.remove("items") {
                keywords.insert("prefixItems".to_owned(), list);
            }
            keywords.extend(further.map(|further| ("items".to_owned(), further)));
        }
        if let Some(Json::Object(dependencies)) = keywords.remove("dependencies") {
            for (name, of) in dependencies {
                let keyword = if of.is_array() {
                    "dependentRequired"
                } else {
                    "dependentSchemas"
                };
                let by_name = keywords
                    .entry(keyword)
                    .or_insert_with(|| Json::Object(Map::new()));
                if let Json::Object(by_name) = by_name {
                    by_name.entry(name).or_insert(of);
                }
            }
        }
    }
    for inner in keywords::below_mut(schema) {
        rewrite(inner);
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn older_words_become_todays() {
        let mut schema = json!({"$schema": "http://json-schema.org/draft-07/schema#",
            "definitions": {"a": {"items": [{"additionalItems": {}}], "additionalItems": false}},
            "dependencies": {"a": ["b"], "c": {"dependencies": {"d": []}}},
            "const": {"items": [1], "dependencies": {}}});
        rewrite(&mut schema);
        let today = json!({"definitions": {"a": {"prefixItems": [{}], "items": false}},
            "dependentRequired": {"a": ["b"]},
            "dependentSchemas": {"c": {"dependentRequired": {"d": []}}},
            "const": {"items": [1], "dependencies": {}}});
        assert_eq!(schema, today);
    }
}
