// @generated automatically by Diesel CLI.

diesel::table! {
    attachments (id) {
        id -> Uuid,
        key -> Text,
        room_id -> Uuid,
        user_id -> Uuid,
        message_id -> Nullable<Uuid>,
        filename -> Text,
        content_type -> Text,
        size -> Int8,
        width -> Nullable<Int4>,
        height -> Nullable<Int4>,
        thumbnail_type -> Nullable<Text>,
        created_at -> Timestamptz,
        content_hash -> Nullable<Bytea>,
    }
}

diesel::table! {
    bans (room_id, user_id) {
        room_id -> Uuid,
        user_id -> Uuid,
        banned_by -> Nullable<Uuid>,
        rank -> Int2,
        reason -> Nullable<Text>,
        created_at -> Timestamptz,
        address_hash -> Nullable<Bytea>,
    }
}

diesel::table! {
    edits (message_id, rev) {
        message_id -> Uuid,
        rev -> Int8,
        text -> Text,
        at -> Timestamptz,
    }
}

diesel::table! {
    file_deletions (key) {
        key -> Text,
        due_at -> Timestamptz,
    }
}

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
    invites (id) {
        id -> Uuid,
        room_id -> Uuid,
        secret_hash -> Bytea,
        role -> Int2,
        created_by -> Uuid,
        created_at -> Timestamptz,
        expires_at -> Nullable<Timestamptz>,
        max_uses -> Nullable<Int8>,
        uses -> Int8,
        revoked_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    memberships (room_id, user_id) {
        room_id -> Uuid,
        user_id -> Uuid,
        role -> Nullable<Int2>,
        joined_at -> Timestamptz,
        rev -> Int8,
        joined_rev -> Int8,
        left_rev -> Nullable<Int8>,
        left_reason -> Nullable<Text>,
        removed_at -> Nullable<Timestamptz>,
        muted_until -> Nullable<Timestamptz>,
        role_cap -> Nullable<Int2>,
        sent_at -> Nullable<Timestamptz>,
    }
}

diesel::table! {
    mentions (room_id, seq, user_id) {
        room_id -> Uuid,
        seq -> Int8,
        user_id -> Uuid,
        author_id -> Uuid,
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
        attachments -> Nullable<Text>,
        body -> Nullable<Text>,
        excerpt -> Nullable<Text>,
        reply_to -> Nullable<Uuid>,
        root_id -> Nullable<Uuid>,
        has_replies -> Bool,
        reactions -> Nullable<Text>,
        pinned_at -> Nullable<Timestamptz>,
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
    reactions (message_id, emoji, user_id) {
        message_id -> Uuid,
        emoji -> Text,
        user_id -> Uuid,
        place -> Int8,
    }
}

diesel::table! {
    read_marks (room_id, user_id) {
        room_id -> Uuid,
        user_id -> Uuid,
        seq -> Int8,
        version -> Int8,
        notify -> Nullable<Text>,
    }
}

diesel::table! {
    room_audit (id) {
        id -> Uuid,
        room_id -> Uuid,
        at -> Timestamptz,
        actor_id -> Nullable<Uuid>,
        action -> Text,
        target_id -> Nullable<Uuid>,
        before -> Nullable<Text>,
        after -> Nullable<Text>,
        reason -> Nullable<Text>,
        count -> Nullable<Int8>,
    }
}

diesel::table! {
    room_events (id) {
        id -> Uuid,
        at -> Timestamptz,
        room_id -> Uuid,
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
        topic -> Nullable<Text>,
        visibility -> Text,
        is_own -> Bool,
        slow_mode_seconds -> Int4,
        posting -> Text,
        member_count -> Int4,
        rights_version -> Int8,
        public_id -> Nullable<Uuid>,
        avatar_key -> Nullable<Text>,
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
        epoch -> Uuid,
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
    threads (root_id) {
        root_id -> Uuid,
        count -> Int4,
        last_seq -> Int8,
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
    user_tasks (user_id, task) {
        user_id -> Uuid,
        task -> Text,
        version -> Int8,
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
        deleted_at -> Nullable<Timestamptz>,
        address_hash -> Nullable<Bytea>,
        avatar_key -> Nullable<Text>,
    }
}

diesel::joinable!(attachments -> messages (message_id));
diesel::joinable!(attachments -> rooms (room_id));
diesel::joinable!(attachments -> users (user_id));
diesel::joinable!(bans -> rooms (room_id));
diesel::joinable!(edits -> messages (message_id));
diesel::joinable!(invites -> rooms (room_id));
diesel::joinable!(invites -> users (created_by));
diesel::joinable!(memberships -> rooms (room_id));
diesel::joinable!(memberships -> users (user_id));
diesel::joinable!(messages -> rooms (room_id));
diesel::joinable!(messages -> users (author_id));
diesel::joinable!(password_resets -> users (user_id));
diesel::joinable!(passwords -> users (user_id));
diesel::joinable!(reactions -> messages (message_id));
diesel::joinable!(reactions -> users (user_id));
diesel::joinable!(retired_names -> users (user_id));
diesel::joinable!(room_audit -> rooms (room_id));
diesel::joinable!(rooms -> users (created_by));
diesel::joinable!(sessions -> users (user_id));
diesel::joinable!(threads -> messages (root_id));
diesel::joinable!(tokens -> users (user_id));
diesel::joinable!(user_tasks -> users (user_id));

diesel::allow_tables_to_appear_in_same_query!(
    attachments,
    bans,
    edits,
    file_deletions,
    identity_events,
    invites,
    memberships,
    mentions,
    messages,
    password_resets,
    passwords,
    retired_names,
    reactions,
    read_marks,
    room_audit,
    room_events,
    rooms,
    server_audit,
    server_settings,
    sessions,
    threads,
    tokens,
    user_tasks,
    users,
);
