package dev.berth.cri.service;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Message;
import java.util.Base64;
import java.util.List;

/**
 * Writes a CRI message as containerd and CRI-O do: by Go's rules for JSON, not by those of
 * protobuf. Members have the fields' names, numbers and enums are numbers, bytes are Base64, and
 * what has its default value is left out.
 */
final class MessageJson {
  private MessageJson() {}

  static JsonObject of(Message message) {
    var json = new JsonObject();
    message.getAllFields().forEach((field, value) -> json.add(field.getName(), of(field, value)));
    return json;
  }

  private static JsonElement of(FieldDescriptor field, Object value) {
    if (field.isMapField()) {
      return map(field, (List<?>) value);
    }
    return field.isRepeated() ? list(field, (List<?>) value) : single(field, value);
  }

  private static JsonElement map(FieldDescriptor field, List<?> entries) {
    FieldDescriptor key = field.getMessageType().findFieldByName("key");
    FieldDescriptor value = field.getMessageType().findFieldByName("value");
    var json = new JsonObject();
    for (Object entry : entries) {
      Message pair = (Message) entry;
      json.add(pair.getField(key).toString(), single(value, pair.getField(value)));
    }
    return json;
  }

  private static JsonElement list(FieldDescriptor field, List<?> values) {
    var json = new JsonArray();
    values.forEach(value -> json.add(single(field, value)));
    return json;
  }

  private static JsonElement single(FieldDescriptor field, Object value) {
    return switch (field.getJavaType()) {
      case INT, LONG, FLOAT, DOUBLE -> new JsonPrimitive((Number) value);
      case BOOLEAN -> new JsonPrimitive((Boolean) value);
      case STRING -> new JsonPrimitive((String) value);
      case BYTE_STRING -> new JsonPrimitive(base64((ByteString) value));
      case ENUM -> new JsonPrimitive(((EnumValueDescriptor) value).getNumber());
      case MESSAGE -> of((Message) value);
    };
  }

  private static String base64(ByteString bytes) {
    return Base64.getEncoder().encodeToString(bytes.toByteArray());
  }
}
