//! JSON as a tree: the browser's own in the browser, `serde_json`'s where the tests run.

#[cfg(not(test))]
pub use browser::Value;
#[cfg(test)]
pub use native::Value;

#[cfg(not(test))]
mod browser {
    use js_sys::{Array, JSON, Object, Reflect};
    use wasm_bindgen::{JsCast, JsValue};

    /// A value of JSON.
    pub struct Value(JsValue);

    impl Value {
        /// Reads text.
        pub fn parse(text: &str) -> Option<Self> {
            JSON::parse(text).ok().map(Self)
        }

        /// A field of an object, absent or not; `None` when this is no object.
        pub fn get(&self, field: &str) -> Option<Self> {
            Reflect::get(&self.0, &JsValue::from_str(field)).ok().map(Self)
        }

        /// Whether this is null, or a field that is not there.
        pub fn is_absent(&self) -> bool {
            self.0.is_null() || self.0.is_undefined()
        }

        /// The items of an array.
        pub fn items(&self) -> Option<Vec<Self>> {
            Some(self.0.dyn_ref::<Array>()?.iter().map(Self).collect())
        }

        /// The fields of an object.
        pub fn entries(&self) -> Option<Vec<(String, Self)>> {
            let entries = Object::entries(self.0.dyn_ref::<Object>()?);
            let entry = |entry: JsValue| {
                let entry = entry.unchecked_into::<Array>();
                Some((entry.get(0).as_string()?, Self(entry.get(1))))
            };
            entries.iter().map(entry).collect()
        }

        /// A string.
        pub fn text(&self) -> Option<String> {
            self.0.as_string()
        }

        /// A whole number.
        pub fn number(&self) -> Option<i64> {
            let number = self.0.as_f64().filter(|number| number.fract() == 0.0)?;
            #[allow(clippy::cast_possible_truncation)] // The protocol's numbers are below 2^53.
            Some(number as i64)
        }

        /// True or false.
        pub fn truth(&self) -> Option<bool> {
            self.0.as_bool()
        }
    }
}

#[cfg(test)]
mod native {
    /// A value of JSON.
    pub struct Value(serde_json::Value);

    impl Value {
        /// Reads text.
        pub fn parse(text: &str) -> Option<Self> {
            serde_json::from_str(text).ok().map(Self)
        }

        /// A field of an object, absent or not; `None` when this is no object.
        pub fn get(&self, field: &str) -> Option<Self> {
            let absent = serde_json::Value::Null;
            self.0.as_object().map(|object| Self(object.get(field).cloned().unwrap_or(absent)))
        }

        /// Whether this is null, or a field that is not there.
        pub fn is_absent(&self) -> bool {
            self.0.is_null()
        }

        /// The items of an array.
        pub fn items(&self) -> Option<Vec<Self>> {
            Some(self.0.as_array()?.iter().cloned().map(Self).collect())
        }

        /// The fields of an object.
        pub fn entries(&self) -> Option<Vec<(String, Self)>> {
            let fields = self.0.as_object()?;
            Some(fields.iter().map(|(name, value)| (name.clone(), Self(value.clone()))).collect())
        }

        /// A string.
        pub fn text(&self) -> Option<String> {
            self.0.as_str().map(str::to_owned)
        }

        /// A whole number.
        pub fn number(&self) -> Option<i64> {
            self.0.as_i64()
        }

        /// True or false.
        pub fn truth(&self) -> Option<bool> {
            self.0.as_bool()
        }
    }
}
