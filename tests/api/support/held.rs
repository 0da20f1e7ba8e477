//! Messages that stay half written for as long as a test wants.

use super::app::TestApp;
use super::database::connect;
use std::time::Duration;
use tokio_postgres::Client;

/// Messages that PostgreSQL has begun to write, and goes on with when it may.
pub struct HeldMessages(Client);

impl TestApp {
    /// Holds each message for which the condition holds (`new` is its row) while it is written, until it may pass.
    pub async fn hold_messages(&self, condition: &str) -> HeldMessages {
        // No lock: a writer waits for one only a short while.
        self.sql(&format!(
            "create sequence reached;
            create table passing (upto bigint);
            insert into passing values (0);
            create function hold() returns trigger language plpgsql as $$ declare number bigint; begin
                if {condition} then
                    number := nextval('reached');
                    while (select upto < number from passing) loop perform pg_sleep(0.002); end loop;
                end if;
                return new;
            end $$;
            create trigger hold before insert on messages for each row execute function hold();
            alter table messages enable always trigger hold"
        ))
        .await;
        HeldMessages(connect(&self.database).await)
    }
}

impl HeldMessages {
    /// Waits until so many have been reached, with those that were taken back.
    pub async fn until_reached(&self, count: i64) {
        let reached = "select case when is_called then last_value else 0 end from reached";
        let wait = async {
            while self.0.query_one(reached, &[]).await.expect("it is there").get::<_, i64>(0) < count {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(super::SOON, wait).await.expect("it is reached");
    }

    /// Lets so many of them pass.
    pub async fn pass(&self, upto: i64) {
        self.0.execute("update passing set upto = $1", &[&upto]).await.expect("changed");
    }
}
