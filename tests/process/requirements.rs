//! What a database has to be like, and what the start says where it is not.

use super::node::data_folder;
use super::scene::Scene;
use super::settings::{madang, refusal};

#[tokio::test(flavor = "current_thread")]
async fn a_database_that_cannot_serve_is_refused_with_what_was_found_and_what_mends_it() {
    let scene = Scene::start().await;
    let folder = data_folder();
    let port = scene.proxy.port;
    let mends = "encoding 'UTF8' locale 'C.UTF-8' template template0";
    let made = |name: &str, rest: &str| format!("create database {name} {rest} template template0");
    let cases = [
        (vec![made("ascii", "encoding 'SQL_ASCII' locale 'C'")], "madang", "ascii", "SQL_ASCII", mends),
        (vec![made("korean", "encoding 'EUC_KR' locale 'C'")], "madang", "korean", "EUC_KR", mends),
        (vec![made("cyrillic", "encoding 'WIN1251' locale 'C'")], "madang", "cyrillic", "WIN1251", mends),
        (
            vec![made("untold", "encoding 'UTF8'"), "alter database untold set track_activities = off".into()],
            "madang",
            "untold",
            "track_activities is off",
            "alter role madang in database untold set track_activities = on",
        ),
        (vec![made("plain", "encoding 'UTF8' locale 'C'")], "madang", "plain", "locale C", mends),
        (
            vec![
                made("fixed", "encoding 'UTF8'"),
                "alter database fixed set default_transaction_read_only = on".into(),
            ],
            "madang",
            "fixed",
            "read-only",
            "alter database fixed set default_transaction_read_only = off",
        ),
        (
            vec![made("strange", "encoding 'UTF8'"), "create role guest login".into()],
            "guest",
            "strange",
            "may not create tables",
            "grant usage, create on schema public to guest",
        ),
        (vec![], "madang", "nowhere", "3D000", "check DATABASE_URL"),
        (vec![], "nobody", "madang", "28000", "check DATABASE_URL"),
    ];
    for (statements, role, database, found, mends) in cases {
        for statement in statements {
            scene.client.batch_execute(&statement).await.expect("good SQL");
        }
        let mut command = madang(&folder);
        let url = format!("postgresql://{role}@127.0.0.1:{port}/{database}?sslmode=disable");
        command.env("DATABASE_URL", url).env("SECRET_KEY", "0f1e2d3c4b5a69788796a5b4c3d2e1f0");
        let (code, said) = refusal(command).await;
        assert!(said.contains(found) && said.contains(mends) && !said.contains("db error"), "{database}: {said}");
        assert_eq!(code, Some(if mends.starts_with("check") { 1 } else { 2 }), "{said}");
    }
    std::fs::remove_dir_all(&folder).expect("nothing holds it");
    scene.stop().await;
}
