//! URLs in messages.

use crate::stage;
use crate::wait::eventually;

#[test]
// reference: messages-plain-text
fn urls_in_messages_are_links_that_open_elsewhere_and_nothing_else_is() {
    let stage = stage::alone();
    let lobby = stage.app.lobby();
    let writer = stage.app.guest("Writer");
    let texts = ["see (https://a.example/b_(c)).", "<b onclick=alert(1)>javascript:alert(1)</b>"];
    for text in texts {
        writer.send(lobby.id, text);
    }
    let reader = stage.person();
    reader.open(&format!("/rooms/{}", lobby.id));
    eventually(|| reader.room().texts(), texts);
    let url = "https://a.example/b_(c)";
    assert_eq!(reader.room().links(), [[url, url, "_blank", "noopener noreferrer nofollow"]]);
}
