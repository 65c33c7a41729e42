package dev.berth.sandbox.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import dev.berth.base.BerthException;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Rule R11: what a plugin is told of a sandbox cannot lead it anywhere else. */
final class AttachmentTest {
  private static final String ID = "0123456789abcdef";
  private static final String NETNS = "/run/berth/sandboxes/x/ns/net";

  @Test
  void anAttachmentAsTheManagerMakesIt() {
    assertThat(attachment(ID, NETNS, "eth0").withoutNetns().netns()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"", ".", "..", "../x", "a/b", "/abs", "a b", "a\nb", "a\0b", "a;b=c"})
  void anIdIsOneName(String id) {
    refused(() -> attachment(id, NETNS, "eth0"), "CNI container id");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"run/net", "..", "/run/../etc", "/run//net", "/run/net/", "/run\n/net", "/a\0b"})
  void aNamespaceIsACleanAbsolutePath(String netns) {
    refused(() -> attachment(ID, netns, "eth0"), "CNI netns");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        ".",
        "..",
        "../eth0",
        "a/b",
        "eth0:1",
        "eth 0",
        "eth0\n",
        "a\0b",
        "sixteen-letters-",
        "\u00e9"
      })
  void anInterfaceIsOneThatTheKernelTakes(String name) {
    refused(() -> attachment(ID, NETNS, name), "CNI interface");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"a;K8S_POD_NAMESPACE=kube-system", "a=b", "a\nb", "a\0b", "a b", "\u00e9"})
  void anArgumentCannotAddAnother(String value) {
    refused(() -> CniArgs.NONE.with("K8S_POD_NAME", value), "K8S_POD_NAME");
    refused(() -> CniArgs.NONE.with(value, "web"), "CNI_ARGS");
  }

  private static Attachment attachment(String id, String netns, String ifName) {
    return new Attachment(id, netns, ifName, CniArgs.NONE, new JsonObject());
  }

  private static void refused(ThrowingCallable making, String field) {
    assertThatThrownBy(making)
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessageContaining(field);
  }
}
