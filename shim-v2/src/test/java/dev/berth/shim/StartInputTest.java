package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.Any;
import com.google.protobuf.ByteString;
import com.google.protobuf.MessageLite;
import dev.berth.proto.shim.bootstrap.v1.BootstrapParams;
import dev.berth.proto.shim.bootstrap.v1.BootstrapResult;
import dev.berth.proto.shim.bootstrap.v1.Extension;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

class StartInputTest {
  private static final String ADDRESS = "unix:///run/berth/shim/0/s";
  private static final Any OPTIONS =
      Any.newBuilder()
          .setTypeUrl("containerd.runc.v1.Options")
          .setValue(ByteString.copyFromUtf8("\u0012\u0004runc"))
          .build();
  private static final BootstrapParams PARAMS =
      BootstrapParams.newBuilder()
          .setInstanceId("pod1")
          .setNamespace("k8s.io")
          .setContainerdTtrpcAddress("/run/c.sock.ttrpc")
          .setContainerdGrpcAddress("/run/c.sock")
          .addExtensions(Extension.newBuilder().setValue(OPTIONS))
          .build();

  private static StartInput read(String flags, MessageLite input, @Nullable String maxVersion)
      throws IOException {
    return StartInput.read(
        ShimArguments.parse(List.of((flags + " start").strip().split(" ", -1))),
        input.toByteString().newInput(),
        maxVersion);
  }

  private static String text(StartInput input) {
    return new String(input.answer(ADDRESS), StandardCharsets.UTF_8);
  }

  @Test
  void runtimesOfOldGetTheBareAddress() throws IOException {
    for (String unset : new String[] {null, ""}) {
      StartInput input = read("-namespace a -address /b", Any.getDefaultInstance(), unset);
      assertThat(text(input)).isEqualTo(ADDRESS + "\n");
    }
  }

  @Test
  void newerOnesGetJsonOfTheVersionTheyTake() throws IOException {
    assertThat(text(read("-namespace a", OPTIONS, "2"))).contains("\"version\":2", ADDRESS);
    assertThat(text(read("-namespace a", OPTIONS, "9")))
        .isEqualTo(
            "{\"version\":3,\"address\":\""
                + ADDRESS
                + "\",\"protocol\":\"ttrpc\",\"metadata\":{\"dev.berth.shim.adopts-tasks\":\"true\"}}\n");
  }

  @Test
  void newestSayAllOnStandardInputAndGetItBack() throws IOException {
    StartInput input = read("", PARAMS, "2");

    assertThat(input.namespace()).isEqualTo("k8s.io");
    assertThat(input.address()).isEqualTo("/run/c.sock");
    assertThat(input.events()).isEqualTo("/run/c.sock.ttrpc");
    assertThat(BootstrapResult.parseFrom(input.answer(ADDRESS)))
        .isEqualTo(
            BootstrapResult.newBuilder()
                .setVersion(3)
                .setAddress(ADDRESS)
                .setProtocol("ttrpc")
                .putMetadata("dev.berth.shim.adopts-tasks", "true")
                .build());
  }

  @Test
  void flagsGoBeforeStandardInput() throws IOException {
    assertThat(read("-namespace a -address /b", PARAMS, null))
        .isEqualTo(new StartInput("a", "/b", "/run/c.sock.ttrpc", new StartInput.Form.Binary()));
  }

  @Test
  void namespaceMustBeSaidSomewhere() {
    assertThatThrownBy(() -> read("", OPTIONS, null)).hasMessageContaining("-namespace");
  }
}
