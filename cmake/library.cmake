include(GNUInstallDirs)
find_package(Threads REQUIRED)
find_package(Eigen3 3.4 REQUIRED NO_MODULE)
find_package(fmt REQUIRED)
find_package(cereal REQUIRED)
find_package(nlohmann_json REQUIRED)

set(UNSPOOL_FOLDERS core serialization autograd layers optim models)
list(TRANSFORM UNSPOOL_FOLDERS APPEND "/*.cpp" OUTPUT_VARIABLE patterns)
file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${patterns})

# One binary serves every x86-64 machine: the kernels of an instruction set lie in sources of their own, which other
# architectures leave out.
if(NOT CMAKE_SYSTEM_PROCESSOR MATCHES "^(x86_64|AMD64)$")
  list(FILTER sources EXCLUDE REGEX "/core/kernels/[^/]*_avx(2|512)\\.cpp$")
endif()
# Only a release is worth -O3, and under the sanitizers, where compilers take minutes for the kernels, only the loops
# over elements are worth any optimisation: for the time of the tests.
foreach(source IN LISTS sources)
  set(options)
  if(source MATCHES "/(core|autograd)/")
    list(APPEND options $<$<CONFIG:RelWithDebInfo>:-O1>)
  endif()
  if(source MATCHES "/core/kernels/")
    list(APPEND options $<$<CONFIG:Release>:-O3>)
  endif()
  if(source MATCHES "_avx2\\.cpp$")
    list(APPEND options -mavx2 -mfma)
  elseif(source MATCHES "_avx512\\.cpp$")
    list(APPEND options -mavx512f -mavx512dq -mavx512bw -mavx512vl -mfma)
  endif()
  set_source_files_properties(${source} PROPERTIES COMPILE_OPTIONS "${options}")
endforeach()

# A public header is <unspool/FOLDER/file.h> in the tree as when installed.
file(MAKE_DIRECTORY ${PROJECT_BINARY_DIR}/include)
file(CREATE_LINK ${PROJECT_SOURCE_DIR} ${PROJECT_BINARY_DIR}/include/unspool SYMBOLIC)

# Compiled once, for the static and the shared library both. The dependencies are headers, and end here: whoever
# links the library needs none of them.
add_library(unspool_objects OBJECT ${sources})
set_target_properties(unspool_objects PROPERTIES POSITION_INDEPENDENT_CODE ON)
# g++ alone supposes that another library may replace a function of this one, and then inlines none of them.
target_compile_options(unspool_objects PRIVATE $<$<CXX_COMPILER_ID:GNU>:-fno-semantic-interposition>)
target_include_directories(unspool_objects PRIVATE ${PROJECT_BINARY_DIR}/include)
target_link_libraries(unspool_objects PRIVATE
  unspool_settings Threads::Threads Eigen3::Eigen cereal::cereal nlohmann_json::nlohmann_json)

foreach(kind IN ITEMS static shared)
  string(TOUPPER ${kind} KIND)
  add_library(unspool_${kind} ${KIND} $<TARGET_OBJECTS:unspool_objects>)
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
if(BUILD_SHARED_LIBS)
  add_library(unspool::unspool ALIAS unspool_shared)
else()
  add_library(unspool::unspool ALIAS unspool_static)
endif()
