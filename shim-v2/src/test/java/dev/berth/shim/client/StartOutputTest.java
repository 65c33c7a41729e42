package dev.berth.shim.client;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.proto.shim.bootstrap.v1.BootstrapResult;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The three forms in which shims answer {@code start}. */
class StartOutputTest {
  private static final String ADDRESS = "unix:///run/containerd/s/0123";

  private static StartOutput parse(String text) {
    return StartOutput.parse(ByteString.copyFromUtf8(text));
  }

  @Test
  void bareAddressMeansVersionTwo() {
    assertThat(parse(ADDRESS + "\n")).isEqualTo(new StartOutput(ADDRESS, 2, false));
    assertThat(parse("/run/s")).isEqualTo(new StartOutput("/run/s", 2, false));
  }

  @Test
  void jsonNamesVersionAndProtocol() {
    assertThat(parse("{\"version\":3,\"address\":\"" + ADDRESS + "\",\"protocol\":\"ttrpc\"}\n"))
        .isEqualTo(new StartOutput(ADDRESS, 3, false));
  }

  @Test
  void jsonMaySayThatTasksAreAdopted() {
    String json =
        """
        {"version": 3, "address": "/s", "protocol": "ttrpc",
         "metadata": {"dev.berth.shim.adopts-tasks": "true"}}
        """;
    assertThat(parse(json)).isEqualTo(new StartOutput("/s", 3, true));
  }

  @Test
  void binaryResultIsRead() {
    var result =
        BootstrapResult.newBuilder()
            .setVersion(3)
            .setAddress(ADDRESS)
            .setProtocol("ttrpc")
            .putMetadata(StartOutput.ADOPTS_TASKS, "true")
            .build();

    assertThat(StartOutput.parse(result.toByteString()))
        .isEqualTo(new StartOutput(ADDRESS, 3, true));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"version\":3,\"address\":\"/s\",\"protocol\":\"grpc\"} | UNIMPLEMENTED | grpc",
        "{\"version\":7,\"address\":\"/s\",\"protocol\":\"ttrpc\"} | UNIMPLEMENTED | version 7",
        "{\"version\": | INTERNAL | broken JSON",
        "something went wrong | INTERNAL | something went wrong",
        "'' | INTERNAL | no address"
      })
  void whatCannotBeUsedIsRefusedByName(String output, Kind kind, String word) {
    assertThatThrownBy(() -> parse(output))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(word)
        .extracting(e -> ((BerthException) e).kind())
        .isEqualTo(kind);
  }
}
