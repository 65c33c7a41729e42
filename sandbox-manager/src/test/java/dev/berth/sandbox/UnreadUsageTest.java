package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import java.util.Set;
import org.junit.jupiter.api.Test;

class UnreadUsageTest {
  private final UnreadUsage unread = new UnreadUsage();

  private void fail(String id) {
    unread.failed(id, new BerthException(Kind.NOT_FOUND, "there is no cgroup /" + id));
  }

  @Test
  void whatCannotBeReadIsNamedWithItsReasonUntilItCan() {
    fail("a");
    fail("a");
    fail("b");
    assertThat(unread.gaps().reasons())
        .containsEntry("a", "there is no cgroup /a")
        .containsKey("b");
    unread.succeeded("a");
    assertThat(unread.gaps().reasons()).containsOnlyKeys("b");
    assertThat(unread.gaps().total()).isEqualTo(3);
  }

  @Test
  void whatWasRemovedIsForgottenButCounted() {
    fail("a");
    unread.retain(Set.of());
    assertThat(unread.gaps().reasons()).isEmpty();
    assertThat(unread.gaps().total()).isEqualTo(1);
  }
}
