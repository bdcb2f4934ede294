use super::*;

fn source(text: &[u8]) -> Source {
    let file = copied(&mut &text[..]).expect("a temporary file");
    Source {
        name: "posts".to_owned(),
        file,
    }
}

fn check(text: &[u8], shape: Shape) -> Result<Vec<Post>, String> {
    let input = source(text).check(shape, &HashSet::new())?;
    let posts: Vec<_> = input.posts().collect::<Result<_, _>>()?;
    assert_eq!(posts.len(), input.len());
    Ok(posts)
}

#[test]
fn lines_are_sent_unchanged() {
    let text = b"{\"id\": 1, \"text\":\"a\"}\r\n\n  {\"text\":\"b\",\"id\":\"1\",\"n\":[]}";
    let posts = check(text, Shape::default()).expect("sound");
    assert_eq!(posts.len(), 2, "the number 1 is not the string 1");
    assert_eq!(posts[0].id, Id::Number(1.into()));
    assert_eq!(&posts[0].body[..], b"{\"id\": 1, \"text\":\"a\"}");
    assert_eq!(posts[1].id, Id::Text("1".to_owned()));
    assert_eq!(
        &posts[1].body[..],
        b"{\"text\":\"b\",\"id\":\"1\",\"n\":[]}"
    );
}

#[test]
fn a_byte_order_mark_is_passed_over() {
    let posts = check(
        b"\xef\xbb\xbf{\"id\":1,\"text\":\"a\"}\r\n",
        Shape::default(),
    );
    assert_eq!(
        &posts.expect("sound")[0].body[..],
        b"{\"id\":1,\"text\":\"a\"}"
    );
    let error = check(b"\xff\xfe{\0", Shape::default()).expect_err("UTF-16");
    assert_eq!(error, "posts: is UTF-16; it must be UTF-8");
}

#[test]
fn the_error_names_line_and_reason() {
    let error = check(b"\xef\xbb\xbf\r\n", Shape::default()).expect_err("empty");
    assert_eq!(error, "posts: holds no posts");
    let good = "{\"id\":1,\"text\":\"a\"}\n\n";
    for (bad, reason) in [
        ("{\"id\":2", "EOF while parsing an object at column 7"),
        ("[2, \"b\"]", "not a JSON object"),
        (
            "{\"text\":\"b\"}",
            "the field `id` is missing; there is `text`",
        ),
        (
            "{\"ID\":2,\"text\":\"b\"}",
            "the field `id` is missing; did you mean `ID`?",
        ),
        ("{\"id\":2}", "the field `text` is missing; there is `id`"),
        (
            "{\"id\":null,\"text\":\"b\"}",
            "the id is neither a string nor a number",
        ),
        ("{\"id\":2,\"text\":\" \"}", "the text is empty"),
        ("{\"id\":2,\"text\":3}", "the text is no string"),
        ("{\"id\":1,\"text\":\"b\"}", "the id 1 was used before"),
    ] {
        let error = check(format!("{good}{bad}").as_bytes(), Shape::default());
        assert_eq!(error.expect_err(bad), format!("posts: line 3: {reason}"));
    }
    let error = check(b"{\"id\":1,\"text\":\"\xff\"}", Shape::default()).expect_err("not UTF-8");
    assert!(
        error.starts_with("posts: line 1: invalid unicode"),
        "{error}"
    );
    let deep = format!("{{\"id\":1,\"text\":{}", "[".repeat(100_000));
    let error = check(deep.as_bytes(), Shape::default()).expect_err("too deep");
    assert!(error.contains("recursion limit"), "{error}");
}

#[test]
fn a_template_needs_only_what_it_names() {
    let shape = Shape {
        template: Some(Template::read("{\"q\":\"{{prompt}}\",\"max_tokens\":50}").expect("JSON")),
        classes: true,
        tokens: true,
    };
    let text = b"{\"id\":1,\"prompt\":\"say \\\"a\\\"\",\"class\":\"interactive\"}\n{\"id\":2,\"prompt\":\"b\"}";
    let posts = check(text, shape.clone()).expect("sound");
    assert_eq!(
        &posts[0].body[..],
        b"{\"max_tokens\":50,\"q\":\"say \\\"a\\\"\"}"
    );
    assert_eq!(
        (posts[0].class, posts[1].class),
        (Class::Interactive, Class::Normal)
    );
    assert_eq!(posts[1].cost, Some(Cost::input(7).and_output(50)));
    let error = check(b"{\"id\":1,\"prompt\":\"a\",\"class\":\"vip\"}", shape);
    let expected = "posts: line 1: the class \"vip\" is none of interactive, normal, batch";
    assert_eq!(error.expect_err("no class"), expected);
}

#[test]
fn posts_that_are_done_are_passed_over() {
    let text = b"{\"id\":1,\"text\":\"a\"}\n{\"id\":2,\"text\":\"b\"}\n";
    let done = HashSet::from([Id::Number(1.into()), Id::Number(9.into())]);
    let input = source(text).check(Shape::default(), &done).expect("sound");
    assert_eq!((input.len(), input.skipped), (1, 1));
    assert_eq!(input.ids().expect("sound").len(), 2);
}

#[test]
fn a_file_that_changes_under_way_is_noticed() {
    let source = source(b"{\"id\":1,\"text\":\"a\"}\n");
    let mut file = source.file.try_clone().expect("a handle");
    let input = source
        .check(Shape::default(), &HashSet::new())
        .expect("sound");
    file.set_len(0).expect("writable");
    file.write_all(b"x").expect("writable");
    let error = input.posts().next().expect("one").expect_err("gone");
    assert!(error.starts_with("the input changed"), "{error}");
}

#[test]
fn the_posts_that_come_with_the_crate_are_sound() {
    let posts = check(include_bytes!("../../data/posts.jsonl"), Shape::default()).expect("sound");
    assert_eq!(posts.len(), 500);
    assert_eq!(posts[499].id, Id::Text("post-500".to_owned()));
}
