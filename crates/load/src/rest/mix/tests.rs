use super::*;

#[test]
fn a_mix_is_read_or_refused_with_the_names() {
    assert_eq!(Mix::read("me=1,login=2").expect("good").0, [(Call::Me, 1), (Call::Login, 2)]);
    assert_eq!(Mix::read("me=1,user=0,login=2").expect("good").to_string(), "me=1,login=2");
    for bad in ["help", "me", "me=x", "nobody=1", "me=0", ""] {
        let why = Mix::read(bad).expect_err("refused");
        assert!(why.contains("channel-life=1"), "{bad}: {why}");
    }
}
