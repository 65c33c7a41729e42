package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupMeter;
import dev.berth.runtime.cgroup.CgroupPath;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.kernel.ReadBuffer;
import dev.berth.testing.RequiresRoot;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import java.util.UUID;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** On groups of the running kernel. */
@RequiresRoot
class UsageMetersTest {
  private static final Cgroups CGROUPS = Cgroups.detect();
  private static final Duration LIMIT = Duration.ofSeconds(10);

  private final String top = "/berth-test-" + UUID.randomUUID();
  private final UsageMeters meters = new UsageMeters(2 * CgroupMeter.MOST_FILES);
  private final ReadBuffer buffer = new ReadBuffer();

  private String path(String id) {
    return top + "/" + id;
  }

  private static Cgroup group(String path) {
    return CGROUPS.at(CgroupPath.parse(path));
  }

  @BeforeEach
  void makeGroups() {
    Stream.of("a", "b", "c").forEach(id -> group(path(id)).create());
  }

  @AfterEach
  void removeGroups() {
    meters.close();
    group(top).delete(LIMIT);
  }

  private void read(String... ids) {
    List.of(ids).forEach(id -> meters.stats(id, path(id), buffer));
  }

  @Test
  void filesStayOpenUntilTheirContainerIsForgotten() {
    read("a");
    int one = meters.openFiles();
    assertThat(one).isPositive();
    read("a");
    assertThat(meters.openFiles()).isEqualTo(one);
    read("b");
    assertThat(meters.openFiles()).isEqualTo(2 * one);
    meters.forget("a");
    meters.forget("a");
    assertThat(meters.openFiles()).isEqualTo(one);
    meters.retain(Set.of());
    assertThat(meters.openFiles()).isZero();
  }

  @Test
  void thereIsAMostOfOpenFilesAndWhatIsBeyondIsReadAllTheSame() {
    read("a", "b");
    int most = meters.openFiles();
    read("c");
    assertThat(meters.openFiles()).isEqualTo(most);
    assertThat(most).isLessThanOrEqualTo(2 * CgroupMeter.MOST_FILES);
  }

  @Test
  void nothingIsHeldOfAGroupThatIsGone() {
    read("a");
    group(path("a")).delete(LIMIT);
    assertThatThrownBy(() -> read("a"))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("there is no cgroup");
    assertThat(meters.openFiles()).isZero();
  }
}
