package dev.berth.runtime;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.methods;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaMethod;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import com.tngtech.archunit.lang.ArchCondition;
import com.tngtech.archunit.lang.ConditionEvents;
import com.tngtech.archunit.lang.SimpleConditionEvent;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;

/** The dependencies inside runtime-native, and rule R3 as far as a compiler can see it. */
class RuntimeArchitectureTest {
  private static final Path SOURCES = Path.of("src/main/java/dev/berth");
  private static final JavaClasses CLASSES =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .importPackages("dev.berth.base", "dev.berth.runtime");

  @Test
  void onlyTheKernelPackageUsesJnr() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.berth.runtime.kernel")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("jnr..", "com.kenai.jffi..")
        .check(CLASSES);
  }

  @Test
  void theBaseLoadsWithoutTheRuntime() {
    noClasses()
        .that()
        .resideInAPackage("dev.berth.base..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("dev.berth.runtime..", "jnr..", "com.kenai.jffi..")
        .check(CLASSES);
  }

  @Test
  void theKernelPackageKnowsNothingOfTheRestOfTheRuntime() {
    noClasses()
        .that()
        .resideInAPackage("dev.berth.runtime.kernel")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage(
            "dev.berth.runtime.spec..",
            "dev.berth.runtime.plan..",
            "dev.berth.runtime.task..",
            "dev.berth.runtime.cgroup..",
            "dev.berth.runtime.seccomp..")
        .check(CLASSES);
  }

  @Test
  void noBindingHasExactlySixParameters() {
    // JNR-FFI corrupts the sixth of six integers on x86-64; see SyscallsTest.
    methods()
        .that()
        .areDeclaredInClassesThat()
        .areInterfaces()
        .and()
        .areDeclaredInClassesThat()
        .resideInAPackage("dev.berth.runtime.kernel")
        .should(satisfy("have fewer or more than six parameters", m -> arity(m) != 6))
        .check(CLASSES);
  }

  private static int arity(JavaMethod method) {
    return method.getRawParameterTypes().size();
  }

  @Test
  void mountsAreMadeByDescriptorOnly() {
    methods()
        .that()
        .areDeclaredIn("dev.berth.runtime.kernel.Mounts")
        .and()
        .doNotHaveName("detach") // umount2 knows no descriptors; its parent directory is pinned
        .should(satisfy("take no path", m -> !takesPath(m)))
        .check(CLASSES);
  }

  private static boolean takesPath(JavaMethod method) {
    return method.getRawParameterTypes().stream()
        .anyMatch(type -> type.isEquivalentTo(String.class) || type.isEquivalentTo(Path.class));
  }

  private static ArchCondition<JavaMethod> satisfy(String rule, Predicate<JavaMethod> holds) {
    return new ArchCondition<>(rule) {
      @Override
      public void check(JavaMethod method, ConditionEvents events) {
        events.add(
            new SimpleConditionEvent(
                method, holds.test(method), method.getFullName() + " should " + rule));
      }
    };
  }

  @Test
  void systemCallsThatLookUpPathsToMountAreNotMadeFromJava() throws IOException {
    // "mount" alone is also the name of a namespace
    Pattern forbidden =
        Pattern.compile("(check|number)\\(\\s*\"(mount|umount|pivot_root|chroot|chdir)\"");
    Pattern pinnedOnly = Pattern.compile("\"umount2\"");
    try (var files = Files.walk(SOURCES)) {
      assertThat(files.filter(file -> file.toString().endsWith(".java")))
          .isNotEmpty()
          .noneMatch(file -> contains(file, forbidden))
          .noneMatch(file ->
              file.startsWith(SOURCES.resolve("runtime/kernel"))
                  && contains(file, pinnedOnly)
                  && !file.endsWith("Mounts.java"));
    }
  }

  private static boolean contains(Path file, Pattern pattern) {
    try {
      return pattern.matcher(Files.readString(file)).find();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
