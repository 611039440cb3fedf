find_package(doctest REQUIRED)

# A static library, so that a test program may define its own main().
add_library(unspool_test_main STATIC tests/main.cpp)
target_link_libraries(unspool_test_main PRIVATE unspool_settings PUBLIC doctest::doctest)

# One program for each folder of tests. Each source is a CTest test of its own, so that tests run in parallel. They run in
# the root of the tree, where their data is.
function(unspool_test_program name)
  add_executable(${name} ${ARGN})
  # Optimizing the tests would double the build time.
  target_compile_options(${name} PRIVATE -O0)
  # Tests may use internal headers, which use these libraries.
  target_link_libraries(${name} PRIVATE
    unspool_settings unspool_static unspool_test_main Eigen3::Eigen fmt::fmt-header-only cereal::cereal
    nlohmann_json::nlohmann_json)
endfunction()

function(unspool_test name)
  add_test(NAME ${name} COMMAND ${ARGN} WORKING_DIRECTORY ${PROJECT_SOURCE_DIR})
  set_tests_properties(${name} PROPERTIES TIMEOUT 1200)
endfunction()

# With the thread sanitizer, only tests that start threads: it has nothing to say about others.
set(only_threads OFF)
if(CMAKE_CXX_FLAGS MATCHES "-fsanitize=thread")
  set(only_threads ON)
endif()

file(GLOB folders CONFIGURE_DEPENDS LIST_DIRECTORIES true RELATIVE ${PROJECT_SOURCE_DIR}/tests tests/*)
foreach(folder IN LISTS folders)
  file(GLOB sources CONFIGURE_DEPENDS tests/${folder}/*.cpp)
  if(only_threads)
    foreach(source IN LISTS sources)
      file(STRINGS ${source} starts_threads REGEX "set_num_threads|std::j?thread|std::async|prefetch" LIMIT_COUNT 1)
      if(NOT starts_threads)
        list(REMOVE_ITEM sources ${source})
      endif()
    endforeach()
  endif()
  if(NOT sources OR folder MATCHES "^(install|golden_runner|keras_files|torch_files|old_files|checksums|gdb|compile_errors|tensorboard|dashboard)$")
    continue()
  endif()
  unspool_test_program(test_${folder} ${sources})
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM LAST_ONLY stem)
    string(REGEX REPLACE "_test$" "" name ${folder}/${stem})
    unspool_test(${name} test_${folder} --source-file=*tests/${folder}/${stem}.cpp)
    # doctest succeeds if its filter selects no test case.
    set_tests_properties(${name} PROPERTIES FAIL_REGULAR_EXPRESSION "test cases: +0 ")
  endforeach()
endforeach()
if(only_threads)
  return()
endif()

# What the readers of files promise of any file, for the tests and the fuzzers.
file(GLOB sources CONFIGURE_DEPENDS tests/fuzz/readers/*.cpp)
add_library(unspool_fuzz_readers STATIC ${sources})
target_compile_options(unspool_fuzz_readers PRIVATE -O0)
target_link_libraries(unspool_fuzz_readers PRIVATE unspool_settings unspool_static)
add_executable(fuzz_corpus tests/fuzz/maker/main.cpp)
target_compile_options(fuzz_corpus PRIVATE -O0)
target_link_libraries(fuzz_corpus PRIVATE unspool_settings unspool_static)
# One fuzzer for all formats: scripts/fuzz.sh.
if(UNSPOOL_BUILD_FUZZERS)
  add_executable(fuzz_readers tests/fuzz/libfuzzer/main.cpp)
  target_link_options(fuzz_readers PRIVATE -fsanitize=fuzzer)
  target_link_libraries(fuzz_readers PRIVATE unspool_settings unspool_fuzz_readers unspool_static)
endif()
target_link_libraries(test_fuzz PRIVATE unspool_fuzz_readers)

# The longest tests start first.
set_tests_properties(serialization/hdf5 fuzz/changed_bytes layers/suite layers/rnn_scan core/gemm serialization/zip
  PROPERTIES COST 1000)

file(GLOB sources CONFIGURE_DEPENDS tests/*.cpp)
foreach(source IN LISTS sources)
  cmake_path(GET source STEM LAST_ONLY stem)
  if(NOT stem STREQUAL "main")
    unspool_test_program(${stem} ${source})
    unspool_test(${stem} ${stem})
  endif()
endforeach()

# Golden cases computed with Keras. The program uses public headers only. All cases of these groups must pass.
set(golden_groups
  activations cells custom initializers keras_files layers losses metrics optimizers rnn stateful training wrappers)
file(GLOB sources CONFIGURE_DEPENDS tests/golden_runner/*.cpp)
add_executable(golden ${sources})
target_link_libraries(golden PRIVATE unspool_settings unspool::unspool)
foreach(group IN LISTS golden_groups)
  unspool_test(golden/${group} golden tests/golden/${group})
endforeach()
unspool_test(golden/more_optimizers golden tests/optim/keras)
unspool_test(golden/more_losses golden tests/models/keras)

# Models to and from the installed Keras: UNSPOOL_KERAS_PYTHON is a Python that has it.
add_executable(keras_files tests/keras_files/main.cpp)
target_compile_options(keras_files PRIVATE -O0)
target_link_libraries(keras_files PRIVATE unspool_settings unspool::unspool)
find_package(Python3 COMPONENTS Interpreter QUIET)
set(UNSPOOL_KERAS_PYTHON "${Python3_EXECUTABLE}" CACHE FILEPATH "A Python with Keras, for the test keras/roundtrip")
mark_as_advanced(UNSPOOL_KERAS_PYTHON)
if(UNSPOOL_KERAS_PYTHON)
  unspool_test(keras/roundtrip ${UNSPOOL_KERAS_PYTHON} tests/keras_roundtrip.py $<TARGET_FILE:keras_files>)
  set_tests_properties(keras/roundtrip PROPERTIES SKIP_RETURN_CODE 77)
endif()

# Writes the files that tests/models/old_files.cpp reads in later versions.
add_executable(old_files tests/old_files/main.cpp)
target_compile_options(old_files PRIVATE -O0)
target_link_libraries(old_files PRIVATE unspool_settings unspool::unspool)

# Weights and arrays to and from the installed PyTorch and NumPy: UNSPOOL_TORCH_PYTHON is a Python that has them.
add_executable(torch_files tests/torch_files/main.cpp)
target_compile_options(torch_files PRIVATE -O0)
target_link_libraries(torch_files PRIVATE unspool_settings unspool::unspool)
set(UNSPOOL_TORCH_PYTHON "${Python3_EXECUTABLE}" CACHE FILEPATH "A Python with PyTorch, for the test torch/roundtrip")
mark_as_advanced(UNSPOOL_TORCH_PYTHON)
if(UNSPOOL_TORCH_PYTHON)
  unspool_test(torch/roundtrip ${UNSPOOL_TORCH_PYTHON} tests/torch_roundtrip.py $<TARGET_FILE:torch_files>)
  set_tests_properties(torch/roundtrip PROPERTIES SKIP_RETURN_CODE 77)
endif()

# Prints checksums of results. scripts/check-same-bits.sh compares them with those of another version.
file(GLOB sources CONFIGURE_DEPENDS tests/checksums/*.cpp)
add_executable(checksums ${sources})
target_compile_options(checksums PRIVATE -O0)
target_link_libraries(checksums PRIVATE unspool_settings unspool_static)

# Without JIT-compiled kernels, as on a system that does not allow executable memory. In release builds only: the C++
# kernels of all instruction sets take minutes without optimization.
if(CMAKE_BUILD_TYPE STREQUAL "Release")
  unspool_test(golden/without_machine_code golden tests/golden/cells tests/golden/rnn)
  unspool_test(autograd/scan_without_machine_code test_autograd --source-file=*tests/autograd/scan_random.cpp)
  unspool_test(core/gemm_without_machine_code test_core --source-file=*tests/core/gemm.cpp)
  set_tests_properties(golden/without_machine_code autograd/scan_without_machine_code core/gemm_without_machine_code
    PROPERTIES ENVIRONMENT UNSPOOL_MACHINE_CODE=off)
endif()

# A model saved by one process predicts bit-identically in another.
if(UNSPOOL_BUILD_EXAMPLES)
  unspool_test(examples/digits digits --epochs 2 --out ${PROJECT_BINARY_DIR}/digits)
  unspool_test(examples/digits_predict digits_predict --from ${PROJECT_BINARY_DIR}/digits)
  set_tests_properties(examples/digits PROPERTIES FIXTURES_SETUP digits)
  set_tests_properties(examples/digits_predict PROPERTIES FIXTURES_REQUIRED digits)
  unspool_test(examples/custom_cell custom_cell 3 ${PROJECT_BINARY_DIR}/custom_cell)
  # In a short form, which checks that the network learns at all; alone they check the figures of examples/README.md.
  unspool_test(examples/sunspots sunspots 20 1 ${PROJECT_BINARY_DIR}/sunspots)
  unspool_test(examples/japanese_vowels japanese_vowels 4 1)
  unspool_test(examples/addition addition 2)
  unspool_test(examples/shakespeare shakespeare 1 64)
  unspool_test(examples/forecast forecast 1)
  unspool_test(examples/ctc ctc 2)
  unspool_test(examples/reber reber 1 15)
  unspool_test(examples/adding adding 60 1)
  set(UNSPOOL_JSB_CHORALES "" CACHE FILEPATH "The file jsb_chorales_quarter.json, for the test examples/jsb")
  mark_as_advanced(UNSPOOL_JSB_CHORALES)
  if(UNSPOOL_JSB_CHORALES)
    unspool_test(examples/jsb jsb ${UNSPOOL_JSB_CHORALES} 3 1)
  endif()
  # Each guide checks what it shows.
  file(GLOB sources CONFIGURE_DEPENDS examples/guides/*.cpp)
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM LAST_ONLY name)
    unspool_test(examples/guides/${name} ${name} ${PROJECT_BINARY_DIR}/guides)
  endforeach()
  # So does each lesson.
  file(GLOB sources CONFIGURE_DEPENDS examples/lessons/*.cpp)
  foreach(source IN LISTS sources)
    cmake_path(GET source STEM LAST_ONLY name)
    unspool_test(examples/lessons/${name} ${name} ${PROJECT_BINARY_DIR}/lessons)
  endforeach()
endif()

# What gdb shows of the library's types. A sanitizer and a debugger do not share a process.
find_program(UNSPOOL_GDB gdb)
mark_as_advanced(UNSPOOL_GDB)
if(UNSPOOL_GDB AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  add_executable(gdb_example tests/gdb/example.cpp)
  # Without the latter clang leaves out types whose code is in the library, which has no debug information.
  target_compile_options(gdb_example PRIVATE -g -O0 $<$<CXX_COMPILER_ID:Clang>:-fstandalone-debug>)
  target_link_libraries(gdb_example PRIVATE unspool_settings unspool::unspool)
  unspool_test(gdb/printers scripts/check-gdb.sh $<TARGET_FILE:gdb_example>)
  set_tests_properties(gdb/printers PROPERTIES SKIP_RETURN_CODE 77)
endif()

# TensorBoard's own reader reads what the callback writes, where Python has the package.
# scripts/check-tensorboard.py --install installs it; tests/serialization/event_file.cpp checks the bytes everywhere.
add_executable(tensorboard_example tests/tensorboard/example.cpp)
target_compile_options(tensorboard_example PRIVATE -O0)
target_link_libraries(tensorboard_example PRIVATE unspool_settings unspool::unspool)
find_program(UNSPOOL_TENSORBOARD_PYTHON python3 DOC "A Python that has the package tensorboard")
mark_as_advanced(UNSPOOL_TENSORBOARD_PYTHON)
if(UNSPOOL_TENSORBOARD_PYTHON)
  unspool_test(tensorboard/reader ${UNSPOOL_TENSORBOARD_PYTHON} scripts/check-tensorboard.py
    $<TARGET_FILE:tensorboard_example>)
  set_tests_properties(tensorboard/reader PROPERTIES SKIP_RETURN_CODE 77)
endif()

# The dashboard in a terminal of tmux. What it draws is tested everywhere by tests/models/dashboard.cpp.
find_program(UNSPOOL_TMUX tmux)
mark_as_advanced(UNSPOOL_TMUX)
add_executable(dashboard_example tests/dashboard/example.cpp)
target_compile_options(dashboard_example PRIVATE -O0)
target_link_libraries(dashboard_example PRIVATE unspool_settings unspool::unspool)
if(UNSPOOL_TMUX AND Python3_EXECUTABLE AND NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  unspool_test(dashboard/terminal ${Python3_EXECUTABLE} scripts/check-dashboard.py $<TARGET_FILE:dashboard_example>)
  set_tests_properties(dashboard/terminal PROPERTIES SKIP_RETURN_CODE 77)
endif()

# Checks of the source tree, which are the same in a build with sanitizers.
if(NOT CMAKE_CXX_FLAGS MATCHES "-fsanitize")
  unspool_test(house/umbrella scripts/umbrella.sh --check)
  unspool_test(house/includes scripts/check-includes.sh)
  unspool_test(house/parity scripts/check-parity.sh)
  unspool_test(house/headers scripts/check-headers.sh ${CMAKE_CXX_COMPILER} ${PROJECT_BINARY_DIR}/include)
  if(UNSPOOL_INSTALL)
    unspool_test(house/installed_headers scripts/check-installed-headers.sh ${PROJECT_BINARY_DIR} ${CMAKE_CXX_COMPILER})
  endif()
  unspool_test(house/links scripts/check-links.pl)
  # The manual, where Debian's packages doxygen and doxygen-awesome-css are.
  find_program(UNSPOOL_DOXYGEN doxygen)
  find_path(UNSPOOL_DOXYGEN_THEME doxygen-awesome.css PATH_SUFFIXES share/doxygen-awesome-css)
  mark_as_advanced(UNSPOOL_DOXYGEN UNSPOOL_DOXYGEN_THEME)
  if(UNSPOOL_DOXYGEN AND UNSPOOL_DOXYGEN_THEME)
    unspool_test(house/docs scripts/docs.sh --check)
  endif()
  unspool_test(house/compile_errors scripts/check-compile-errors.sh ${PROJECT_BINARY_DIR}/include)
  set_tests_properties(house/compile_errors PROPERTIES COST 500)
  if(CMAKE_EXPORT_COMPILE_COMMANDS AND CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    unspool_test(house/weak_symbols scripts/check-weak-symbols.sh ${PROJECT_BINARY_DIR})
    unspool_test(house/exports scripts/check-exports.sh ${PROJECT_BINARY_DIR})
    unspool_test(house/kernel_flags scripts/check-kernel-flags.sh ${PROJECT_BINARY_DIR})
  endif()
  # Pages with programs.
  file(GLOB pages CONFIGURE_DEPENDS docs/*.md)
  foreach(page IN LISTS pages)
    file(STRINGS ${page} has_programs REGEX "^```cpp$" LIMIT_COUNT 1)
    if(has_programs)
      cmake_path(GET page STEM LAST_ONLY name)
      unspool_test(house/${name} scripts/check-page.sh docs/${name}.md ${CMAKE_CXX_COMPILER} ${PROJECT_BINARY_DIR}/include
        $<$<CONFIG:Release>:$<TARGET_FILE:unspool_static>>)
    endif()
  endforeach()
  unspool_test(house/readme scripts/check-readme.sh ${CMAKE_CXX_COMPILER} ${PROJECT_BINARY_DIR}/include
    $<$<CONFIG:Release>:$<TARGET_FILE:unspool_static>>)
endif()
