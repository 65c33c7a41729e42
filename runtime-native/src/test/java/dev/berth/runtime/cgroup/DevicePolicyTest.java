package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Resources.DeviceRule;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

class DevicePolicyTest {
  private static final DeviceRule DENY_ALL = new DeviceRule(false, "a", null, null, "rwm");

  @Test
  void denyAllLeavesWhatEveryContainerNeeds() {
    DevicePolicy policy = DevicePolicy.of(List.of(DENY_ALL));
    assertThat(policy.allowedByDefault()).isFalse();
    assertThat(policy.exceptions().toString())
        .isEqualTo(
            "[c *:* m, b *:* m, c 1:3 rwm, c 1:5 rwm, c 1:7 rwm, c 1:8 rwm, c 1:9 rwm,"
                + " c 5:0 rwm, c 5:2 rwm, c 136:* rwm, c 10:200 rwm]");
  }

  @Test
  void laterRulesChangeEarlierOnes() {
    DevicePolicy policy =
        DevicePolicy.of(
            List.of(
                DENY_ALL,
                new DeviceRule(true, "b", 8L, 0L, "r"),
                new DeviceRule(true, "b", 8L, 0L, "w"),
                new DeviceRule(true, "c", 4L, 64L, "rw"),
                new DeviceRule(false, "c", 4L, null, "w")));
    assertThat(policy.exceptions().toString()).contains("b 8:0 rw,").contains("c 4:64 r,");
  }

  @Test
  void ruleForBothTypesIsSplit() {
    DevicePolicy policy = DevicePolicy.of(List.of(new DeviceRule(false, null, 8L, null, "rw")));
    assertThat(policy.allowedByDefault()).isTrue();
    assertThat(policy.exceptions().toString()).isEqualTo("[c 8:* rw, b 8:* rw]");
  }

  @Test
  void rulesThatCannotBeKeptAreNamed() {
    assertRefused(
        new DeviceRule(true, "x", null, null, null),
        "linux.resources.devices[1].type \"x\" is not a, b or c");
    assertRefused(
        new DeviceRule(true, "c", null, null, "rx"),
        "linux.resources.devices[1].access \"rx\" is not of r, w and m");
    assertRefused(
        new DeviceRule(true, "c", -7L, null, null),
        "linux.resources.devices[1].major -7 is not a device number");
    assertThatThrownBy(() ->
            DevicePolicy.of(
                List.of(
                    DENY_ALL,
                    new DeviceRule(true, "c", 136L, null, "rwm"),
                    new DeviceRule(false, "c", 136L, 5L, "w"))))
        .isInstanceOf(BerthException.class)
        .hasMessage(
            "linux.resources.devices[2] (c 136:5 w) would cut a hole into an earlier rule"
                + " (c 136:* rwm)");
  }

  @Test
  void changeOfAFreshGroupDeniesAllFirst() {
    DeviceChange change = DeviceChange.of("a *:* rwm", DevicePolicy.of(List.of(DENY_ALL)));
    assertThat(change.denyFirst()).containsExactly("a");
    assertThat(change.allow()).hasSize(11);
    assertThat(change.denyLast()).isEmpty();
  }

  @Test
  void changeOfAGroupInUseTakesAwayOnlyTheSurplus() {
    DeviceChange change =
        DeviceChange.of(
            "c 1:3 rwm\nb 8:0 rwm\nb 8:1 r",
            DevicePolicy.of(List.of(DENY_ALL, new DeviceRule(true, "b", 8L, 0L, "r"))));
    assertThat(change.denyFirst()).isEmpty();
    assertThat(change.allow()).contains("b 8:0 r", "c 1:3 rwm");
    assertThat(change.denyLast()).containsExactly("b 8:0 wm", "b 8:1 r");
  }

  @Test
  void programsDecideAsTheirPolicies() {
    Random random = new Random(7);
    for (int round = 0; round < 200; round++) {
      DevicePolicy policy = randomPolicy(random);
      DeviceProgramInterpreter program = new DeviceProgramInterpreter(DeviceProgram.of(policy));
      for (int i = 0; i < 100; i++) {
        char type = random.nextBoolean() ? 'c' : 'b';
        int access = 1 + random.nextInt(7);
        long major = pick(random);
        long minor = pick(random);
        assertThat(program.allows(type, access, major, minor))
            .as("%s: %s", policy, new DeviceAccess(type, major, minor, access))
            .isEqualTo(allows(policy, new DeviceAccess(type, major, minor, access)));
      }
    }
  }

  private static DevicePolicy randomPolicy(Random random) {
    List<DeviceAccess> exceptions = new ArrayList<>();
    int count = random.nextInt(12);
    for (int i = 0; i < count; i++) {
      exceptions.add(
          new DeviceAccess(
              random.nextBoolean() ? 'c' : 'b',
              random.nextInt(4) == 0 ? DeviceAccess.ANY : pick(random),
              random.nextInt(4) == 0 ? DeviceAccess.ANY : pick(random),
              1 + random.nextInt(7)));
    }
    return new DevicePolicy(random.nextBoolean(), exceptions);
  }

  private static long pick(Random random) {
    return random.nextInt(8) == 0 ? 0xfffffff0L + random.nextInt(4) : random.nextInt(4);
  }

  private static boolean allows(DevicePolicy policy, DeviceAccess request) {
    return policy.allowedByDefault()
        ? policy.exceptions().stream()
            .noneMatch(e -> e.covers(request) && (e.access() & request.access()) != 0)
        : policy.exceptions().stream()
            .anyMatch(e -> e.covers(request) && (request.access() & ~e.access()) == 0);
  }

  private static void assertRefused(DeviceRule rule, String message) {
    assertThatThrownBy(() -> DevicePolicy.of(List.of(DENY_ALL, rule)))
        .isInstanceOf(BerthException.class)
        .hasMessage(message);
  }
}
