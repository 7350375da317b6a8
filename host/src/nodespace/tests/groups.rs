//! Groups, nested in each other.

use super::*;

fn bench() -> Bench {
    let bench = Bench::new(vec![sum("sum", &["a"])]);
    for id in ["n1", "n2", "n3"] {
        bench.add("sum", id);
    }
    bench
}

fn names(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The id of the group that has exactly these nodes.
fn group_of(groups: &Json, nodes: &[&str]) -> String {
    let groups = groups.as_object().unwrap();
    let found = groups
        .iter()
        .find(|(_, group)| group["node_ids"] == json!(nodes));
    found.unwrap().0.clone()
}

#[tokio::test]
async fn nodes_and_groups_are_grouped_and_dissolved() {
    let bench = bench();
    let groups = json!(bench.space.group_nodes(&names(&["n1", "n2"]), &[]).unwrap());
    let inner = group_of(&groups, &["n1", "n2"]);
    assert_eq!(
        groups,
        json!({&inner: {
            "node_ids": ["n1", "n2"],
            "child_groups": [],
            "parent_group": null,
            "meta": {},
        }})
    );
    let groups = json!(
        bench
            .space
            .group_nodes(&names(&["n3"]), std::slice::from_ref(&inner))
            .unwrap()
    );
    let outer = group_of(&groups, &["n3"]);
    assert_eq!(groups[&outer]["child_groups"], json!([inner]));
    assert_eq!(groups[&inner]["parent_group"], json!(outer));
    // Some nodes of a group become a group beside it, in the same parent.
    let groups = json!(bench.space.group_nodes(&names(&["n1"]), &[]).unwrap());
    let beside = group_of(&groups, &["n1"]);
    assert_eq!(groups[&beside]["parent_group"], json!(outer));
    let position = json!({"position": [1, 2.5]});
    assert_eq!(
        bench.space.update_group(&beside, &position),
        Ok(json!({"position": [1.0, 2.5]}))
    );
    assert_eq!(
        json!(bench.space.groups())[&beside]["position"],
        json!([1.0, 2.5])
    );
    // Its groups move up; one that is empty goes.
    bench.space.remove_group(&outer).unwrap();
    let groups = json!(bench.space.groups());
    assert_eq!(groups[&inner]["parent_group"], json!(null));
    assert_eq!(groups.get(&outer), None);
    bench.dirty();
    bench.space.remove_node("n1").unwrap();
    assert!(bench.dirty().contains(&Dirty::Groups));
    assert_eq!(json!(bench.space.groups()).get(&beside), None);
    bench.space.remove_node("n2").unwrap();
    assert_eq!(json!(bench.space.groups()), json!({}));
}

#[tokio::test]
async fn what_makes_no_sense_is_refused() {
    let bench = bench();
    let no_groups: [String; 0] = [];
    bench
        .space
        .group_nodes(&names(&["none"]), &no_groups)
        .unwrap_err();
    bench.space.group_nodes(&no_groups, &no_groups).unwrap_err();
    bench
        .space
        .group_nodes(&no_groups, &names(&["none"]))
        .unwrap_err();
    bench.space.remove_group("none").unwrap_err();
    let groups = json!(
        bench
            .space
            .group_nodes(&names(&["n1"]), &no_groups)
            .unwrap()
    );
    let group = group_of(&groups, &["n1"]);
    for patch in [
        json!({"position": [1]}),
        json!({"position": ["a", 2]}),
        json!({"meta": "text"}),
        json!({"meta": {"a": "x".repeat(crate::limits::MAX_GROUP_META_BYTES)}}),
    ] {
        bench.space.update_group(&group, &patch).unwrap_err();
    }
    assert_eq!(json!(bench.space.groups()), groups);
}

#[tokio::test]
async fn groups_lie_in_each_other_only_so_deep() {
    let bench = bench();
    let groups = json!(bench.space.group_nodes(&names(&["n1"]), &[]).unwrap());
    let mut top = group_of(&groups, &["n1"]);
    let mut depth = 1;
    while let Ok(groups) = bench.space.group_nodes(&[], std::slice::from_ref(&top)) {
        depth += 1;
        let groups = json!(groups);
        top = groups[&top]["parent_group"].as_str().unwrap().to_owned();
    }
    assert_eq!(depth, crate::limits::MAX_GROUP_DEPTH);
}

#[tokio::test]
async fn saved_groups_are_read_as_far_as_they_make_sense() {
    let bench = bench();
    let mut backend = bench.space.save();
    let group = |nodes: &[&str], parent: Option<&str>| json!({"node_ids": nodes, "child_groups": [], "parent_group": parent, "meta": {"a": 1}});
    backend["groups"] = json!({
        "a": group(&["n1", "n1", "gone"], Some("b")),
        "b": group(&["n2", "n1"], Some("a")),
        "c": group(&["n3"], Some("nowhere")),
        "d": group(&["gone"], None),
        "e": "no group",
        "f": {"parent_group": "f", "node_ids": 7, "meta": [], "position": "x"},
    });
    let report = bench.space.load(&backend).unwrap();
    assert_eq!(report.nodes, 3);
    let groups = json!(bench.space.groups());
    // `n1` is where it was named last; the second of two parents in a circle is none.
    assert_eq!(groups["b"]["node_ids"], json!(["n2", "n1"]));
    assert_eq!(groups["b"]["parent_group"], json!(null));
    assert_eq!(groups["c"], group(&["n3"], None));
    assert_eq!(groups.as_object().unwrap().len(), 2);
    let left_out = report.left_out.lines;
    assert_eq!(left_out.len(), 4, "{left_out:?}");
}
