include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/unspool)
install(TARGETS unspool_static unspool_shared EXPORT unspool)
if(UNSPOOL_TOOLS)
  install(TARGETS ${UNSPOOL_TOOLS} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
endif()
install(EXPORT unspool NAMESPACE unspool:: FILE unspoolTargets.cmake DESTINATION ${package_dir})
install(FILES unspool.h operation.h DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/unspool)
install(DIRECTORY ${UNSPOOL_FOLDERS} DESTINATION ${CMAKE_INSTALL_INCLUDEDIR}/unspool
  FILES_MATCHING PATTERN "*.h" PATTERN kernels EXCLUDE PATTERN internal EXCLUDE PATTERN scan EXCLUDE)

# gdb reads the printers in this folder of its own by itself: docs/debugging.md.
install(FILES scripts/gdb/unspool.py DESTINATION ${CMAKE_INSTALL_DATADIR}/gdb/python/gdb/printer)

configure_package_config_file(cmake/unspoolConfig.cmake.in ${PROJECT_BINARY_DIR}/unspoolConfig.cmake
  INSTALL_DESTINATION ${package_dir} NO_SET_AND_CHECK_MACRO)
# Before 1.0 a minor version may break the interface.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/unspoolConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/unspoolConfig.cmake ${PROJECT_BINARY_DIR}/unspoolConfigVersion.cmake
  DESTINATION ${package_dir})

configure_file(cmake/unspool.pc.in ${PROJECT_BINARY_DIR}/unspool.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/unspool.pc DESTINATION ${CMAKE_INSTALL_LIBDIR}/pkgconfig)
install(FILES LICENSE DESTINATION ${CMAKE_INSTALL_DOCDIR})
