package dev.berth.proto;

import com.google.protobuf.DescriptorProtos.DescriptorProto.ReservedRange;
import com.google.protobuf.Descriptors.Descriptor;
import com.google.protobuf.Descriptors.EnumDescriptor;
import com.google.protobuf.Descriptors.EnumValueDescriptor;
import com.google.protobuf.Descriptors.FieldDescriptor;
import com.google.protobuf.Descriptors.FileDescriptor;
import com.google.protobuf.Descriptors.MethodDescriptor;
import com.google.protobuf.Descriptors.ServiceDescriptor;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/**
 * Writes compiled descriptors as rows of a wire table: kind, scope, name, number, type, label and
 * notes, separated by tabs.
 */
final class DescriptorRows {
  private final List<String> rows = new ArrayList<>();

  private DescriptorRows() {}

  static List<String> of(FileDescriptor file) {
    var writer = new DescriptorRows();
    writer.add("file", file.getName(), "package", file.getPackage(), syntax(file), "", "");
    file.getServices().forEach(writer::service);
    file.getEnumTypes().forEach(writer::enumeration);
    file.getMessageTypes().forEach(writer::message);
    return writer.rows;
  }

  private static String syntax(FileDescriptor file) {
    return file.toProto().getSyntax();
  }

  private void service(ServiceDescriptor service) {
    for (MethodDescriptor method : service.getMethods()) {
      String scope = service.getFullName();
      String path = "/" + scope + "/" + method.getName();
      String types =
          method.getInputType().getFullName() + " -> " + method.getOutputType().getFullName();
      add("rpc", scope, method.getName(), "", types, streaming(method), path);
    }
  }

  private static String streaming(MethodDescriptor method) {
    List<String> words = new ArrayList<>();
    if (method.isClientStreaming()) {
      words.add("client-stream");
    }
    if (method.isServerStreaming()) {
      words.add("server-stream");
    }
    return words.isEmpty() ? "unary" : String.join(" ", words);
  }

  private void enumeration(EnumDescriptor type) {
    add("enum", type.getFullName(), "", "", "", "", "");
    for (EnumValueDescriptor value : type.getValues()) {
      add("enumvalue", type.getFullName(), value.getName(), "" + value.getNumber(), "", "", "");
    }
  }

  private void message(Descriptor type) {
    String scope = type.getFullName();
    add("message", scope, "", "", "", "", "");
    type.getFields().forEach(this::field);
    for (ReservedRange range : type.toProto().getReservedRangeList()) {
      add("reserved", scope, "", range.getStart() + "-" + (range.getEnd() - 1), "", "", "");
    }
    type.getEnumTypes().forEach(this::enumeration);
    // the entry types of maps are nested messages as well, but no one wrote them
    type.getNestedTypes().stream()
        .filter(nested -> !nested.getOptions().getMapEntry())
        .forEach(this::message);
  }

  private void field(FieldDescriptor field) {
    add(
        "field",
        field.getContainingType().getFullName(),
        field.getName(),
        "" + field.getNumber(),
        type(field),
        label(field),
        notes(field));
  }

  private static String type(FieldDescriptor field) {
    if (field.isMapField()) {
      List<FieldDescriptor> entry = field.getMessageType().getFields();
      return "map<" + type(entry.get(0)) + "," + type(entry.get(1)) + ">";
    }
    return switch (field.getJavaType()) {
      case MESSAGE -> field.getMessageType().getFullName();
      case ENUM -> field.getEnumType().getFullName();
      case INT, LONG, FLOAT, DOUBLE, BOOLEAN, STRING, BYTE_STRING ->
          field.getType().name().toLowerCase(Locale.ROOT);
    };
  }

  private static String label(FieldDescriptor field) {
    if (field.isMapField()) {
      return "map";
    }
    if (field.isRepeated()) {
      return "repeated";
    }
    return field.toProto().getProto3Optional() ? "optional-explicit" : "singular";
  }

  private static String notes(FieldDescriptor field) {
    List<String> words = new ArrayList<>();
    if (field.getRealContainingOneof() != null) {
      words.add("oneof:" + field.getRealContainingOneof().getName());
    }
    // proto3 packs enums too, but the tables note it of numbers only
    if (field.isPacked() && field.getJavaType() != FieldDescriptor.JavaType.ENUM) {
      words.add("packed");
    }
    if (field.getOptions().getDeprecated()) {
      words.add("deprecated");
    }
    if (!field.getJsonName().equals(field.getName())) {
      words.add("json:" + field.getJsonName());
    }
    return String.join(" ", words);
  }

  private void add(String... columns) {
    rows.add(String.join("\t", columns));
  }
}
