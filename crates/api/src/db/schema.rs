// @generated automatically by Diesel CLI.

diesel::table! {
    identity_events (id) {
        id -> Uuid,
        at -> Timestamptz,
        token_hash -> Nullable<Bytea>,
        user_id -> Uuid,
        is_disabled -> Bool,
    }
}

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
    password_resets (token_hash) {
        token_hash -> Bytea,
        user_id -> Uuid,
        expires_at -> Timestamptz,
        used_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    passwords (user_id) {
        user_id -> Uuid,
        hash -> Text,
    }
}

diesel::table! {
    retired_names (username_key) {
        username_key -> Text,
        username_skeleton -> Text,
        user_id -> Uuid,
        until -> Timestamptz,
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
    server_audit (id) {
        id -> Uuid,
        at -> Timestamptz,
        actor_id -> Nullable<Uuid>,
        action -> Text,
        target_id -> Nullable<Uuid>,
    }
}

diesel::table! {
    server_settings (is_only) {
        is_only -> Bool,
        registration -> Nullable<Text>,
        guests -> Nullable<Text>,
        first_admin_at -> Nullable<Timestamptz>,
        device_key -> Bytea,
    }
}

diesel::table! {
    sessions (token_hash) {
        token_hash -> Bytea,
        user_id -> Uuid,
        created_at -> Timestamptz,
        last_seen_at -> Timestamptz,
        id -> Uuid,
        user_agent -> Nullable<Text>,
        address -> Nullable<Text>,
    }
}

diesel::table! {
    tokens (id) {
        id -> Uuid,
        user_id -> Uuid,
        token_hash -> Bytea,
        name -> Text,
        may_read -> Bool,
        may_write -> Bool,
        may_administer -> Bool,
        created_at -> Timestamptz,
        last_used_at -> Nullable<Timestamptz>,
        expires_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    users (id) {
        id -> Uuid,
        username -> Text,
        username_key -> Text,
        kind -> Text,
        created_at -> Timestamptz,
        username_skeleton -> Nullable<Text>,
        is_admin -> Bool,
        disabled_at -> Nullable<Timestamptz>,
    }
}

diesel::joinable!(messages -> rooms (room_id));
diesel::joinable!(messages -> users (author_id));
diesel::joinable!(password_resets -> users (user_id));
diesel::joinable!(passwords -> users (user_id));
diesel::joinable!(retired_names -> users (user_id));
diesel::joinable!(rooms -> users (created_by));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(tokens -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    identity_events,
    messages,
    password_resets,
    passwords,
    retired_names,
    rooms,
    server_audit,
    server_settings,
    sessions,
    tokens,
    users,
);
