package dev.berth.e2e;

import static com.tngtech.archunit.base.DescribedPredicate.not;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.resideInAnyPackage;
import static com.tngtech.archunit.core.domain.JavaClass.Predicates.type;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static com.tngtech.archunit.library.dependencies.SlicesRuleDefinition.slices;
import static org.assertj.core.api.Assertions.assertThat;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import dev.berth.sandbox.ContainerUser;
import java.util.Arrays;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Enforces the module arrows of ARCHITECTURE.md: they point down only. */
class ArchitectureTest {
  /** Everything but tests. */
  static final JavaClasses BERTH =
      new ClassFileImporter()
          .withImportOption(ImportOption.Predefined.DO_NOT_INCLUDE_TESTS)
          .withImportOption(location -> !location.contains("test-classes"))
          .withImportOption(location -> !location.contains("-tests"))
          .importPackages("dev.berth");

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          dev.berth.proto.. |
          dev.berth.base..  |
          dev.berth.runtime.. | dev.berth.base..
          dev.berth.image..   | dev.berth.base.. dev.berth.runtime.kernel..
          dev.berth.shim..    | dev.berth.base.. dev.berth.runtime.. dev.berth.proto.shim..
          dev.berth.sandbox.. | dev.berth.base.. dev.berth.runtime.. dev.berth.proto.. dev.berth.shim.client.. dev.berth.shim.ttrpc.. dev.berth.image..
          """)
  void moduleUsesOnlyWhatStandsAboveIt(String module, String others) {
    String[] allowed =
        Stream.concat(
                Stream.of(module), others == null ? Stream.of() : Arrays.stream(others.split(" ")))
            .toArray(String[]::new);
    classes()
        .that()
        .resideInAPackage(module)
        .should()
        .onlyDependOnClassesThat(
            not(resideInAPackage("dev.berth..")).or(resideInAnyPackage(allowed)))
        .allowEmptyShould(true)
        .check(BERTH);
  }

  @Test
  void everyClassBelongsToAModule() {
    classes()
        .should()
        .resideInAnyPackage(
            "dev.berth.proto..",
            "dev.berth.base..",
            "dev.berth.runtime..",
            "dev.berth.image..",
            "dev.berth.shim..",
            "dev.berth.sandbox..",
            "dev.berth.cri..")
        .check(BERTH);
    assertThat(BERTH.stream().map(JavaClass::getPackageName))
        .contains("dev.berth.base", "dev.berth.cri.service", "dev.berth.sandbox");
  }

  @Test
  void onlyTheEdgeKnowsOfGrpc() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.berth.cri..", "dev.berth.proto..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("io.grpc..", "io.netty..")
        .check(BERTH);
  }

  @Test
  void onlyTheErrorEdgeChoosesAStatusForAFailure() {
    noClasses()
        .that()
        .resideInAPackage("dev.berth.cri.service..")
        .should()
        .dependOnClassesThat()
        .haveFullyQualifiedName("io.grpc.Status")
        .check(BERTH);
  }

  @Test
  void onlyPluginsAreSpokenToWithoutTheShimClient() {
    noClasses()
        .that()
        .resideInAPackage("dev.berth.sandbox..")
        .and()
        .resideOutsideOfPackage("dev.berth.sandbox.nri")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("dev.berth.shim.ttrpc..")
        .check(BERTH);
  }

  @Test
  void daemonsDoNotLoadTheCommandLineLibrary() {
    noClasses()
        .that()
        .resideOutsideOfPackages("dev.berth.cri.cli..", "dev.berth.runtime.cli..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("picocli..")
        .check(BERTH);
  }

  @Test
  void onlyTheKernelPackageBindsNativeCode() {
    noClasses()
        .that()
        .resideOutsideOfPackage("dev.berth.runtime.kernel..")
        .should()
        .dependOnClassesThat()
        .resideInAPackage("jnr..")
        .check(BERTH);
  }

  @Test
  void baseLoadsWithoutNativeCode() {
    noClasses()
        .that()
        .resideInAPackage("dev.berth.base..")
        .should()
        .dependOnClassesThat()
        .resideInAnyPackage("jnr..", "com.kenai..")
        .check(BERTH);
  }

  /** Of inotify instances a user has few, all programs together: none can be missing. */
  @Test
  void nothingNeedsInotify() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .areAssignableTo(java.nio.file.WatchService.class)
        .check(BERTH);
  }

  /** Objects are made of text by our own rules, never by what the text says they are (R27). */
  @Test
  void nothingIsDeserialised() {
    noClasses()
        .should()
        .dependOnClassesThat()
        .areAssignableTo(java.io.ObjectInputStream.class)
        .check(BERTH);
  }

  @Test
  void packagesHaveNoCycles() {
    slices()
        .matching("dev.berth.(**)")
        .should()
        .beFreeOfCycles()
        .ignoreDependency(
            resideInAPackage("dev.berth.proto.."), resideInAPackage("dev.berth.proto.."))
        // Part of what the module tells others, which lives in its root package.
        .ignoreDependency(resideInAPackage("dev.berth.sandbox.spec"), type(ContainerUser.class))
        .check(BERTH);
  }
}
