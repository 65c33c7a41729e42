package dev.berth.e2e;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import com.google.protobuf.Message;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * One place of a message where a string or bytes stand, nested messages, lists and maps included.
 *
 * @param path such as {@code config.mounts.host_path} or {@code labels(key)}
 * @param with the message with another string in that place
 */
record StringField(String path, Function<String, Message> with) {
  /** Returns every such place. What the message has in it stays as it is. */
  static List<StringField> of(Message message) {
    var found = new ArrayList<StringField>();
    walk(message, "", Function.identity(), List.of(), found);
    return found;
  }

  private static void walk(
      Message message,
      String prefix,
      Function<Message, Message> whole,
      List<Descriptor> above,
      List<StringField> found) {
    for (FieldDescriptor field : message.getDescriptorForType().getFields()) {
      String path = prefix + field.getName();
      if (field.isMapField()) {
        walkMap(message, field, path, whole, found);
      } else if (field.getJavaType() == JavaType.STRING) {
        found.add(new StringField(path, text -> whole.apply(set(message, field, text))));
      } else if (field.getJavaType() == JavaType.BYTE_STRING) {
        found.add(
            new StringField(
                path, text -> whole.apply(set(message, field, ByteString.copyFromUtf8(text)))));
      } else if (field.getJavaType() == JavaType.MESSAGE
          && !above.contains(field.getMessageType())) {
        var within = new ArrayList<>(above);
        within.add(message.getDescriptorForType());
        walk(
            child(message, field),
            path + ".",
            child -> whole.apply(set(message, field, child)),
            within,
            found);
      }
    }
  }

  private static void walkMap(
      Message message,
      FieldDescriptor field,
      String path,
      Function<Message, Message> whole,
      List<StringField> found) {
    FieldDescriptor key = field.getMessageType().findFieldByName("key");
    FieldDescriptor value = field.getMessageType().findFieldByName("value");
    if (key.getJavaType() == JavaType.STRING && value.getJavaType() == JavaType.STRING) {
      found.add(
          new StringField(path + "(key)", text -> whole.apply(put(message, field, text, "value"))));
      found.add(
          new StringField(path + "(value)", text -> whole.apply(put(message, field, "key", text))));
    }
  }

  private static Message put(Message message, FieldDescriptor map, String key, String value) {
    Message.Builder builder = message.toBuilder();
    Message.Builder entry = builder.newBuilderForField(map);
    entry.setField(map.getMessageType().findFieldByName("key"), key);
    entry.setField(map.getMessageType().findFieldByName("value"), value);
    return builder.addRepeatedField(map, entry.build()).build();
  }

  /** The first element of a list stands for all. */
  private static Message child(Message message, FieldDescriptor field) {
    if (!field.isRepeated()) {
      return (Message) message.getField(field);
    }
    return message.getRepeatedFieldCount(field) > 0
        ? (Message) message.getRepeatedField(field, 0)
        : message.newBuilderForType().newBuilderForField(field).build();
  }

  private static Message set(Message message, FieldDescriptor field, Object value) {
    Message.Builder builder = message.toBuilder();
    if (!field.isRepeated()) {
      return builder.setField(field, value).build();
    }
    return builder.getRepeatedFieldCount(field) > 0 && value instanceof Message
        ? builder.setRepeatedField(field, 0, value).build()
        : builder.addRepeatedField(field, value).build();
  }
}
