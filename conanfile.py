"""Conan 2 recipe. The package is hone's own install tree, CMake files included, so that what
find_package(hone) does is the same everywhere; LibTorch is left to the consumer."""

import os
import re

from conan import ConanFile
from conan.tools.build import check_min_cppstd
from conan.tools.cmake import CMake, CMakeDeps, CMakeToolchain, cmake_layout
from conan.tools.files import copy, load


class HoneRecipe(ConanFile):
    name = "hone"
    license = "Apache-2.0"
    description = "Reinforcement-learning fine-tuning of language models, header-only C++20"
    topics = ("reinforcement-learning", "language-models", "rlhf", "header-only")
    package_type = "header-library"
    settings = "os", "arch", "compiler", "build_type"
    exports_sources = "CMakeLists.txt", "LICENSE", "cmake/*", "include/*"
    no_copy_source = True

    def set_version(self):
        config = load(self, os.path.join(self.recipe_folder, "include/hone/core/config.hpp"))
        self.version = ".".join(re.findall(r"#define HONE_VERSION_[A-Z]+ (\d+)", config))

    def requirements(self):
        self.requires("eigen/[>=3.4 <6]", transitive_headers=True)
        self.requires("nlohmann_json/[>=3.11 <4]", transitive_headers=True)
        self.requires("range-v3/0.12.0", transitive_headers=True)
        self.requires("pcre2/[>=10.42 <11]", transitive_headers=True, transitive_libs=True)
        self.requires("utf8proc/[>=2.8 <3]", transitive_headers=True, transitive_libs=True)

    def validate(self):
        check_min_cppstd(self, 20)

    def layout(self):
        cmake_layout(self)

    def generate(self):
        toolchain = CMakeToolchain(self)
        for program in ("TESTS", "BENCHMARKS", "EXAMPLES"):
            toolchain.cache_variables[f"HONE_BUILD_{program}"] = False
        toolchain.generate()
        CMakeDeps(self).generate()

    def build(self):
        cmake = CMake(self)
        cmake.configure()

    def package(self):
        copy(self, "LICENSE", self.source_folder, os.path.join(self.package_folder, "licenses"))
        CMake(self).install()

    def package_id(self):
        self.info.clear()

    def package_info(self):
        self.cpp_info.bindirs = []
        self.cpp_info.libdirs = []
        self.cpp_info.builddirs = [os.path.join("share", "cmake", "hone")]
        self.cpp_info.set_property("cmake_find_mode", "none")
