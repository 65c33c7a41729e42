package dev.berth.runtime.spec;

import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What {@code linux.resources} must satisfy whatever the cgroup version. */
final class ResourceRules {
  private static final Pattern PAGE_SIZE = Pattern.compile("[1-9][0-9]*[KMG]B");
  private static final Pattern UNIFIED = Pattern.compile("[a-z0-9_]+(\\.[A-Za-z0-9_]+)+");
  private static final Pattern INTERFACE = Pattern.compile("[!-~&&[^/:]]{1,15}");
  private static final Pattern LIST = Pattern.compile("[0-9]+(-[0-9]+)?(,[0-9]+(-[0-9]+)?)*");

  private ResourceRules() {}

  static void check(Field field, Resources resources) {
    devices(field.child("devices"), resources.devices());
    memory(field.child("memory"), resources.memory());
    cpu(field.child("cpu"), resources.cpu());
    Resources.Pids pids = resources.pids();
    if (pids != null) {
      atLeast(field.child("pids").child("limit"), pids.limit(), -1);
    }
    for (int i = 0; i < resources.hugepageLimits().size(); i++) {
      String size = resources.hugepageLimits().get(i).pageSize();
      field
          .child("hugepageLimits")
          .element(i)
          .child("pageSize")
          .require(PAGE_SIZE.matcher(size).matches(), "expected as 2MB, not " + Field.quoted(size));
    }
    unified(field.child("unified"), resources.unified());
    network(field.child("network"), resources.network());
  }

  /** Each becomes a line of net_prio.ifpriomap: a name that holds a blank would be two words. */
  private static void network(Field field, Resources.@Nullable Network network) {
    if (network == null) {
      return;
    }
    for (int i = 0; i < network.priorities().size(); i++) {
      String name = network.priorities().get(i).name();
      field
          .child("priorities")
          .element(i)
          .child("name")
          .require(INTERFACE.matcher(name).matches(), "not an interface: " + Field.quoted(name));
    }
  }

  private static void devices(Field field, List<Resources.DeviceRule> rules) {
    for (int i = 0; i < rules.size(); i++) {
      Resources.DeviceRule rule = rules.get(i);
      Field element = field.element(i);
      if (rule.type() != null) {
        element
            .child("type")
            .require(
                Set.of("a", "c", "b").contains(rule.type()),
                "expected a, c or b, not " + Field.quoted(rule.type()));
      }
      if (rule.access() != null) {
        element
            .child("access")
            .require(
                rule.access().chars().allMatch(c -> "rwm".indexOf(c) >= 0),
                "expected letters of rwm, not " + Field.quoted(rule.access()));
      }
      atLeast(element.child("major"), rule.major(), -1);
      atLeast(element.child("minor"), rule.minor(), -1);
    }
  }

  private static void memory(Field field, Resources.@Nullable Memory memory) {
    if (memory == null) {
      return;
    }
    atLeast(field.child("limit"), memory.limit(), -1);
    atLeast(field.child("reservation"), memory.reservation(), -1);
    atLeast(field.child("swap"), memory.swap(), -1);
    if (memory.swappiness() != null) {
      field.child("swappiness").requireRange(memory.swappiness(), 0, 100);
    }
    if (memory.swap() != null && memory.limit() != null && memory.swap() > 0) {
      field
          .child("swap")
          .require(
              memory.limit() >= 0 && memory.swap() >= memory.limit(),
              "counts memory too and so cannot be below the limit");
    }
  }

  private static void cpu(Field field, Resources.@Nullable Cpu cpu) {
    if (cpu == null) {
      return;
    }
    atLeast(field.child("quota"), cpu.quota(), -1);
    atLeast(field.child("shares"), cpu.shares(), 0);
    atLeast(field.child("period"), cpu.period(), 0);
    atLeast(field.child("burst"), cpu.burst(), 0);
    if (cpu.idle() != null) {
      field.child("idle").requireRange(cpu.idle(), 0, 1);
    }
    list(field.child("cpus"), cpu.cpus());
    list(field.child("mems"), cpu.mems());
  }

  /** Rule R8: a name is a file of the container's own cgroup and a value one line for it. */
  private static void unified(Field field, Map<String, String> unified) {
    for (Map.Entry<String, String> entry : unified.entrySet()) {
      Field file = field.entry(entry.getKey());
      file.require(
          UNIFIED.matcher(entry.getKey()).matches(), "not the name of a file of a controller");
      file.require(
          !entry.getKey().startsWith("cgroup."), "files of the cgroup itself are the runtime's");
    }
  }

  private static void list(Field field, @Nullable String value) {
    if (value != null) {
      field.require(LIST.matcher(value).matches(), "expected as 0-2,5, not " + Field.quoted(value));
    }
  }

  private static void atLeast(Field field, @Nullable Long value, long low) {
    if (value != null) {
      field.require(value >= low, "must be at least " + low + ", not " + value);
    }
  }
}
