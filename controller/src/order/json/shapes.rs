//! The shapes that a JSON field may have, each read from that shape and from no other: where
//! serde's derived code would also take an array for a struct, or the last of two keys.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::value::MapAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};

use super::quote;

/// A struct that is read from a JSON object and from nothing else: serde's derived code alone
/// would take an array of the field values as well.
pub(in crate::order) struct Object<T>(pub(in crate::order) T);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Object<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ObjectVisitor<T>(PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for ObjectVisitor<T> {
            type Value = T;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<T, A::Error> {
                T::deserialize(MapAccessDeserializer::new(map))
            }
        }

        deserializer.deserialize_map(ObjectVisitor(PhantomData)).map(Object)
    }
}

/// `deserialize_with` for a field that holds one struct.
pub(in crate::order) fn object<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Object::deserialize(deserializer).map(|Object(value)| value)
}

/// `deserialize_with` for a field that holds one struct or `null`.
pub(in crate::order) fn object_or_null<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.map(|Object(value)| value))
}

/// `deserialize_with` for a field that may be absent, but not `null`: a condition that says nothing
/// is left out, so that nobody takes it for a condition.
pub(in crate::order) fn present<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(deserializer).map(Some)
}

/// `deserialize_with` for a list of structs.
pub(in crate::order) fn objects<'de, D, T>(deserializer: D) -> Result<Vec<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    let list: Vec<Object<T>> = Vec::deserialize(deserializer)?;
    Ok(list.into_iter().map(|Object(value)| value).collect())
}

/// An object whose keys are names; a name that stands twice is refused, where serde's own maps
/// would let the last one win and two readers could see two different orders.
pub(in crate::order) struct UniqueMap<V>(pub(in crate::order) BTreeMap<String, V>);

impl<'de, V: Deserialize<'de>> Deserialize<'de> for UniqueMap<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct UniqueVisitor<V>(PhantomData<V>);

        impl<'de, V: Deserialize<'de>> Visitor<'de> for UniqueVisitor<V> {
            type Value = BTreeMap<String, V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut values = BTreeMap::new();
                while let Some(key) = map.next_key::<String>()? {
                    if values.contains_key(&key) {
                        return Err(A::Error::custom(format!(
                            "the name {} stands twice",
                            quote(&key)
                        )));
                    }
                    let value = map.next_value()?;
                    values.insert(key, value);
                }
                Ok(values)
            }
        }

        deserializer.deserialize_map(UniqueVisitor(PhantomData)).map(UniqueMap)
    }
}

/// Reads a value out of a JSON string, and out of nothing else.
pub(in crate::order) fn text<'de, D, T, F>(
    deserializer: D,
    expecting: &'static str,
    parse: F,
) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    F: FnOnce(&str) -> Result<T, String>,
{
    struct TextVisitor<F> {
        expecting: &'static str,
        parse: F,
    }

    impl<T, F: FnOnce(&str) -> Result<T, String>> Visitor<'_> for TextVisitor<F> {
        type Value = T;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.expecting)
        }

        fn visit_str<E: Error>(self, text: &str) -> Result<T, E> {
            (self.parse)(text).map_err(E::custom)
        }
    }

    deserializer.deserialize_str(TextVisitor { expecting, parse })
}

/// Reads a string that can only have one value, such as a schema name.
pub(in crate::order) fn exactly<'de, D: Deserializer<'de>>(
    deserializer: D,
    expected: &'static str,
) -> Result<(), D::Error> {
    text(deserializer, "a string", |found| {
        if found == expected {
            Ok(())
        } else {
            Err(format!("is {}, but only `{expected}` is known", quote(found)))
        }
    })
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    use super::super::parse;
    use super::*;

    #[test]
    fn maps_refuse_a_second_key() {
        #[derive(Deserialize)]
        struct Maps {
            sets: UniqueMap<u8>,
        }
        let maps: Maps = parse("f", br#"{"sets":{"a":1,"b":2}}"#).unwrap();
        assert_eq!(maps.sets.0.len(), 2);
        let error = parse::<Maps>("f", br#"{"sets":{"a":1,"b":2,"a":3}}"#).err().unwrap();
        assert_eq!(error.to_string(), "f: sets: the name `a` stands twice (line 1, column 24)");
    }
}
