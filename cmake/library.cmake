include(GNUInstallDirs)
find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(fmt REQUIRED)
find_package(cereal REQUIRED)
find_package(nlohmann_json REQUIRED)
if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  find_path(UNSPOOL_XBYAK xbyak/xbyak.h REQUIRED DOC "Where xbyak, Debian's libxbyak-dev, has its headers")
  mark_as_advanced(UNSPOOL_XBYAK)
endif()

# Makes a public header <unspool/FOLDER/file.h> in the build tree, as when installed.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/unspool SYMBOLIC)

# One binary runs on every x86-64 machine: the kernels for an instruction set are in sources of their own, which are
# compiled with the flags of its row in instruction_sets.def. Other architectures do not compile them.
set(instruction_sets ${PROJECT_SOURCE_DIR}/core/kernels/instruction_sets.def)
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${instruction_sets})
set(UNSPOOL_SETS)
set(UNSPOOL_OTHER_SETS "^$")
file(STRINGS ${instruction_sets} rows REGEX "^UNSPOOL_[A-Z0-9_]+\\(")
foreach(row IN LISTS rows)
  string(REGEX MATCH "^UNSPOOL_([A-Z0-9_]+)\\(([a-z0-9_]+)" match "${row}")
  set(macro ${CMAKE_MATCH_1})
  set(name ${CMAKE_MATCH_2})
  string(REGEX REPLACE "^[^\"]*\"([^\"]*)\".*$" "\\1" flags "${row}")
  separate_arguments(UNSPOOL_FLAGS_${name} UNIX_COMMAND "${flags}")
  if(macro STREQUAL "X86_64" AND NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
    string(APPEND UNSPOOL_OTHER_SETS "|^core/kernels/[^/]*_${name}\\.cpp$")
  else()
    list(APPEND UNSPOOL_SETS ${name})
  endif()
endforeach()

# What runs once a call, compiles a scan, or only reads, writes, checks and explains, is compiled for size: that halves its
# code and takes a third less time to compile, and a batch takes half a microsecond longer. The rest loops over elements
# itself, or runs once a batch, a sample or an operation.
file(GLOB_RECURSE UNSPOOL_SMALL CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR}
  data/*.cpp layers/*.cpp models/*.cpp serialization/*.cpp)
foreach(name IN ITEMS
    autograd/check_operation autograd/check_report autograd/clipping autograd/draw autograd/einsum autograd/explain
    autograd/formula autograd/functional autograd/gradcheck autograd/internal/compare autograd/internal/expression
    autograd/internal/expression_text autograd/internal/label_observer autograd/internal/step_equations
    autograd/internal/step_names autograd/internal/use_expressions autograd/labeled
    autograd/scan/emit autograd/scan/fusion autograd/scan/gradient autograd/scan/instructions autograd/scan/layout
    autograd/scan/machine_loops autograd/scan/operations autograd/scan/phases autograd/scan/picture
    autograd/scan/place_of_nan autograd/scan/plan autograd/scan/select_instructions
    core/class_name core/config core/config_json core/error core/fields core/internal/dot core/internal/format
    core/named_handle core/named_list core/print core/registry core/spelling
    core/kernels/vector_recorded)
  if(NOT EXISTS ${PROJECT_SOURCE_DIR}/${name}.cpp)
    message(FATAL_ERROR "cmake/library.cmake names ${name}.cpp, which does not exist")
  endif()
  list(APPEND UNSPOOL_SMALL ${name}.cpp)
endforeach()
foreach(name IN ITEMS
    data/batch data/internal/batching data/internal/rows data/internal/shuffle data/internal/sources data/internal/stack
    data/internal/transform layers/internal/initial_values models/ctc_decode models/internal/ctc_operation
    serialization/internal/crc32 serialization/internal/crc32c serialization/internal/crc64
    serialization/internal/crc_folding serialization/internal/inflate)
  if(NOT ${name}.cpp IN_LIST UNSPOOL_SMALL)
    message(FATAL_ERROR "cmake/library.cmake names ${name}.cpp, which is not compiled for size anyway")
  endif()
  list(REMOVE_ITEM UNSPOOL_SMALL ${name}.cpp)
endforeach()

# The sources are compiled once for the static and the shared library. The dependencies are private: programs that use the
# library do not need them.
set(UNSPOOL_FOLDERS core serialization autograd data layers optim models)
set(objects)
foreach(folder IN LISTS UNSPOOL_FOLDERS)
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS RELATIVE ${PROJECT_SOURCE_DIR} ${folder}/*.cpp)
  list(FILTER sources EXCLUDE REGEX "${UNSPOOL_OTHER_SETS}")
  set(fast ${sources})
  list(REMOVE_ITEM fast ${UNSPOOL_SMALL})
  set(small ${sources})
  list(REMOVE_ITEM small ${fast})
  set(loops ${fast})
  list(FILTER loops INCLUDE REGEX "^core/kernels/")
  list(REMOVE_ITEM fast ${loops})
  foreach(part IN ITEMS fast loops small)
    if(NOT ${part})
      continue()
    endif()
    set(target unspool_objects_${folder}_${part})
    add_library(${target} OBJECT ${${part}})
    list(APPEND objects $<TARGET_OBJECTS:${target}>)
    # A unity build compiles all of a target at once: functions of templates that many sources need are then in the static
    # library once, not once for every 32 sources.
    set_target_properties(${target} PROPERTIES POSITION_INDEPENDENT_CODE ON UNITY_BUILD_BATCH_SIZE 0)
    # Three settings for g++: that other libraries do not replace functions of this one, which inlining needs; a higher limit
    # on the growth of large sources, as those of unity builds, without which recording an operation takes a sixth longer;
    # and that the cold part of a function is no function of its own, whose names and tables of unwinding are more code than
    # it is.
    target_compile_options(${target} PRIVATE
      $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>
      $<$<CXX_COMPILER_ID:GNU>:--param=large-unit-insns=200000>
      $<$<CXX_COMPILER_ID:GNU>:-fno-reorder-blocks-and-partition>)
    # Inline functions of headers are compiled into the programs that use them, which need not find them here.
    set_target_properties(${target} PROPERTIES VISIBILITY_INLINES_HIDDEN ON)
    # g++ 12 spills to MMX registers without restoring the x87 state: arithmetic in long double then gives NaN.
    if(CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
      target_compile_options(${target} PRIVATE -mno-mmx)
    endif()
    target_include_directories(${target} PRIVATE ${PROJECT_BINARY_DIR}/include)
    if(UNSPOOL_XBYAK)
      target_include_directories(${target} SYSTEM PRIVATE ${UNSPOOL_XBYAK})
    endif()
    target_link_libraries(${target} PRIVATE
      unspool_settings Threads::Threads Eigen3::Eigen cereal::cereal nlohmann_json::nlohmann_json)

    # The steps of optimizers are loops over elements with square roots. Vectorized, they take a quarter of the time; -O3
    # would do it too, for six times as much code more.
    if(folder STREQUAL "optim")
      target_compile_options(${target} PRIVATE
        -fno-math-errno $<$<CXX_COMPILER_ID:GNU>:-ftree-loop-vectorize> $<$<CXX_COMPILER_ID:GNU>:-fvect-cost-model=dynamic>)
    endif()
    if(part STREQUAL "small")
      target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-Os>)
      # Passes of g++ that take a tenth of its time and make such code 1 % smaller; and functions are inlined that add three
      # instructions at most to their caller, since each is more than that as a function of its own.
      set(passes
        -fno-gcse -fno-schedule-insns2 -fno-tree-dominator-opts -fno-tree-dse -fno-tree-vrp --param=max-inline-insns-size=3)
      target_compile_options(${target} PRIVATE "$<$<AND:$<CXX_COMPILER_ID:GNU>,$<CONFIG:Release>>:${passes}>")
    elseif(part STREQUAL "loops")
      target_compile_options(${target} PRIVATE $<$<CONFIG:Release>:-O3>)
    endif()

    # With sanitizers compilers take twice as long to optimize, and clang minutes for the matrix product kernels. Optimize
    # only what tests spend their time in.
    set(sanitized $<CONFIG:RelWithDebInfo>)
    if(folder MATCHES "^(data|layers|optim|models)$")
      target_compile_options(${target} PRIVATE $<${sanitized}:-O0>)
    endif()

    # Fuzzers look for inputs that reach new code in these folders.
    if(UNSPOOL_BUILD_FUZZERS AND folder MATCHES "^(core|serialization|layers|optim|models)$" AND NOT part STREQUAL "loops")
      target_compile_options(${target} PRIVATE -fsanitize=fuzzer-no-link)
    endif()
  endforeach()
  foreach(source IN LISTS loops)
    foreach(name IN LISTS UNSPOOL_SETS)
      if(NOT source MATCHES "_${name}\\.cpp$")
        continue()
      endif()
      set(options ${UNSPOOL_FLAGS_${name}})
      if(source MATCHES "/gemm_")
        list(APPEND options $<${sanitized}:-O0>)
        # Matrix products do not gain by -O3, for which there is nearly twice as much code then; those of AVX2 are 1 % faster.
        if(NOT name STREQUAL "avx2")
          list(APPEND options $<$<CONFIG:Release>:-O2>)
        endif()
      endif()
      set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${options}" SKIP_UNITY_BUILD_INCLUSION ON)
    endforeach()
  endforeach()
endforeach()

foreach(kind IN ITEMS static shared)
  string(TOUPPER ${kind} KIND)
  add_library(unspool_${kind} ${KIND} ${objects})
  add_library(unspool::unspool_${kind} ALIAS unspool_${kind})
  set_target_properties(unspool_${kind} PROPERTIES
    OUTPUT_NAME unspool
    LINKER_LANGUAGE CXX
    VERSION ${PROJECT_VERSION}
    # Before 1.0 a minor version may break the interface.
    SOVERSION ${PROJECT_VERSION_MAJOR}.${PROJECT_VERSION_MINOR}
  )
  target_compile_features(unspool_${kind} INTERFACE cxx_std_20)
  target_include_directories(unspool_${kind} INTERFACE
    $<BUILD_INTERFACE:${PROJECT_BINARY_DIR}/include> $<INSTALL_INTERFACE:${CMAKE_INSTALL_INCLUDEDIR}>)
  target_link_libraries(unspool_${kind} PRIVATE Threads::Threads)
endforeach()
if(CMAKE_SYSTEM_NAME STREQUAL "Linux")
  set(exports ${PROJECT_SOURCE_DIR}/cmake/exports.map)
  target_link_options(unspool_shared PRIVATE LINKER:--version-script=${exports})
  # Names of functions that it does not export are an eighth of it, and only profiles and debuggers read them.
  target_link_options(unspool_shared PRIVATE $<$<CONFIG:Release>:LINKER:--discard-all>)
  set_target_properties(unspool_shared PROPERTIES LINK_DEPENDS ${exports})
endif()
if(BUILD_SHARED_LIBS)
  add_library(unspool::unspool ALIAS unspool_shared)
else()
  add_library(unspool::unspool ALIAS unspool_static)
endif()
