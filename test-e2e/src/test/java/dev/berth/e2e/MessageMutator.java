package dev.berth.e2e;

import com.google.protobuf.ByteString;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor.JavaType;
import com.google.protobuf.Message;
import java.util.List;
import java.util.Random;

/**
 * Changes a message in a few places, chosen at random: numbers at the ends of their range and
 * beyond what they are for, enums that nobody knows, messages that are missing or empty, lists with
 * an element more, twice or none, texts of another kind. The same seed makes the same change.
 */
final class MessageMutator {
  private static final int MOST_CHANGES = 3;
  private static final int DEEPEST = 6;

  /** How deep those messages are that hold little beside others. */
  private static final int ON_THE_WAY = 1;

  private static final int UNKNOWN_ENUM = 1000;

  private static final List<Long> NUMBERS =
      List.of(
          0L,
          1L,
          -1L,
          2L,
          255L,
          1000L,
          1001L,
          -1001L,
          1024L,
          65_535L,
          65_536L,
          100_000L,
          1L << 20,
          1L << 31,
          (1L << 31) - 1,
          -(1L << 31),
          1L << 32,
          (1L << 32) - 1,
          1L << 53,
          Long.MAX_VALUE,
          Long.MIN_VALUE);

  private final Random random;
  private final List<String> texts;

  /**
   * @param texts what strings are replaced by
   */
  MessageMutator(long seed, List<String> texts) {
    this.random = new Random(seed);
    this.texts = texts;
  }

  Message mutate(Message message) {
    Message mutated = message;
    for (int i = random.nextInt(MOST_CHANGES); i >= 0; i--) {
      mutated = change(mutated, 0);
    }
    return mutated;
  }

  private Message change(Message message, int depth) {
    List<FieldDescriptor> fields = message.getDescriptorForType().getFields();
    if (fields.isEmpty()) {
      return message;
    }
    FieldDescriptor field = choose(fields, depth);
    Message.Builder builder = message.toBuilder();
    if (field.isRepeated()) {
      changeList(builder, field, depth);
    } else if (field.getJavaType() != JavaType.MESSAGE) {
      builder.setField(field, scalar(field));
    } else if (random.nextInt(20) == 0) {
      builder.clearField(field);
    } else {
      builder.setField(field, child(field, (Message) message.getField(field), depth));
    }
    return builder.build();
  }

  /** Most fields are deep inside: what leads there is preferred to the few on the way. */
  private FieldDescriptor choose(List<FieldDescriptor> fields, int depth) {
    List<FieldDescriptor> inner =
        fields.stream().filter(field -> field.getJavaType() == JavaType.MESSAGE).toList();
    boolean any = inner.isEmpty() || depth > ON_THE_WAY || random.nextInt(4) == 0;
    List<FieldDescriptor> among = any ? fields : inner;
    return among.get(random.nextInt(among.size()));
  }

  private void changeList(Message.Builder builder, FieldDescriptor field, int depth) {
    int count = builder.getRepeatedFieldCount(field);
    int choice = random.nextInt(6);
    if (choice == 0) {
      builder.clearField(field);
    } else if (choice == 1 && count > 0 && !field.isMapField()) {
      builder.addRepeatedField(field, builder.getRepeatedField(field, random.nextInt(count)));
    } else if (choice <= 3 && count > 0) {
      int index = random.nextInt(count);
      builder.setRepeatedField(
          field, index, element(builder, field, builder.getRepeatedField(field, index), depth));
    } else {
      builder.addRepeatedField(field, element(builder, field, null, depth));
    }
  }

  private Object element(Message.Builder builder, FieldDescriptor field, Object before, int depth) {
    if (field.getJavaType() != JavaType.MESSAGE) {
      return scalar(field);
    }
    Message base =
        before instanceof Message known ? known : builder.newBuilderForField(field).build();
    return child(field, base, depth);
  }

  private Message child(FieldDescriptor field, Message base, int depth) {
    if (field.isMapField()) {
      Message.Builder entry = base.toBuilder();
      field
          .getMessageType()
          .getFields()
          .forEach(part -> {
            if (part.getJavaType() != JavaType.MESSAGE) {
              entry.setField(part, scalar(part));
            }
          });
      return entry.build();
    }
    return depth < DEEPEST ? change(base, depth + 1) : base;
  }

  private Object scalar(FieldDescriptor field) {
    long number = NUMBERS.get(random.nextInt(NUMBERS.size()));
    return switch (field.getJavaType()) {
      case INT -> (int) number;
      case LONG -> number;
      case FLOAT -> (float) number;
      case DOUBLE -> (double) number;
      case BOOLEAN -> random.nextBoolean();
      case STRING -> text();
      case BYTE_STRING ->
          random.nextBoolean()
              ? ByteString.copyFromUtf8(text())
              : ByteString.copyFrom(new byte[] {'a', (byte) 0xff, (byte) 0xfe});
      case ENUM -> constant(field.getEnumType());
      case MESSAGE -> throw new IllegalArgumentException(field + " is no scalar");
    };
  }

  private String text() {
    return texts.get(random.nextInt(texts.size()));
  }

  private Object constant(EnumDescriptor type) {
    return random.nextInt(5) == 0
        ? type.findValueByNumberCreatingIfUnknown(UNKNOWN_ENUM)
        : type.getValues().get(random.nextInt(type.getValues().size()));
  }
}
