# How everything of this project is compiled, and nothing of those who use it.
set(CMAKE_CXX_EXTENSIONS OFF)
add_library(unspool_settings INTERFACE)
target_compile_features(unspool_settings INTERFACE cxx_std_20)
target_compile_options(unspool_settings INTERFACE
  # A fused multiply-add is written as one: results do not depend on what a compiler likes to fuse.
  -ffp-contract=off
  -Wall -Wextra -Wpedantic -Wconversion -Wshadow -Wold-style-cast -Wdouble-promotion
  # Options are aggregates with defaults; leaving out a field is how they are meant to be used.
  -Wno-missing-field-initializers
  # Its order of options is an error in g++ and must be one here.
  $<$<CXX_COMPILER_ID:Clang>:-Werror=reorder-init-list>
  # Of sources compiled as one it takes a local name for the shadow of another source's.
  $<$<AND:$<CXX_COMPILER_ID:Clang>,$<BOOL:${CMAKE_UNITY_BUILD}>>:-Wno-shadow>
  $<$<BOOL:${UNSPOOL_WERROR}>:-Werror>
)
target_compile_definitions(unspool_settings INTERFACE EIGEN_MPL2_ONLY EIGEN_DONT_PARALLELIZE)

# Worktrees of one machine share the cache: paths are hashed relative to the tree, and the build's directory is not.
find_program(UNSPOOL_CCACHE ccache)
mark_as_advanced(UNSPOOL_CCACHE)
if(PROJECT_IS_TOP_LEVEL AND UNSPOOL_CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER
    ${CMAKE_COMMAND} -E env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1 ${UNSPOOL_CCACHE})
endif()
