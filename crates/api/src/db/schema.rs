// @generated automatically by Diesel CLI.

diesel::table! {
    messages (id) {
        id -> Uuid,
        room_id -> Uuid,
        seq -> Int8,
        rev -> Int8,
        born_rev -> Int8,
        author_id -> Uuid,
        text -> Nullable<Text>,
        sent_hash -> Int8,
        created_at -> Timestamptz,
        edited_at -> Nullable<Timestamptz>,
        deleted_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    rooms (id) {
        id -> Uuid,
        name -> Text,
        name_key -> Text,
        created_by -> Nullable<Uuid>,
        created_at -> Timestamptz,
        updated_at -> Timestamptz,
        last_seq -> Int8,
        rev -> Int8,
        updated_rev -> Int8,
        deleted_at -> Nullable<Timestamptz>,
        sent_hash -> Nullable<Int8>,
    }
}

diesel::table! {
    sessions (token_hash) {
        token_hash -> Bytea,
        user_id -> Uuid,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        username -> Text,
        username_key -> Text,
        kind -> Text,
        created_at -> Timestamptz,
    }
}

diesel::joinable!(messages -> rooms (room_id));
diesel::joinable!(messages -> users (author_id));
diesel::joinable!(rooms -> users (created_by));
diesel::joinable!(sessions -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(messages, rooms, sessions, users,);
