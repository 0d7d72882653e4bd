# Installs the library for find_package(ConduitFlatFileDB) and for pkg-config.

include(CMakePackageConfigHelpers)

set(config_dir "${CMAKE_INSTALL_LIBDIR}/cmake/ConduitFlatFileDB")
set(pkgconfig_dir "${CMAKE_INSTALL_LIBDIR}/pkgconfig")

get_target_property(library_type conduit_flat_file_db TYPE)
# An archive leaves its own dependencies to the program, and Asio's headers may need liburing there.
set(CONDUIT_USERS_NEED_DEPENDENCIES FALSE)
if(library_type STREQUAL "STATIC_LIBRARY" OR CONDUIT_ASIO_DEFINITIONS MATCHES "ASIO_HAS_IO_URING")
  set(CONDUIT_USERS_NEED_DEPENDENCIES TRUE)
endif()

install(TARGETS conduit_flat_file_db EXPORT ConduitFlatFileDBTargets FILE_SET HEADERS)
install(EXPORT ConduitFlatFileDBTargets NAMESPACE conduit:: DESTINATION "${config_dir}")

configure_package_config_file(cmake/ConduitFlatFileDBConfig.cmake.in ConduitFlatFileDBConfig.cmake INSTALL_DESTINATION "${config_dir}")
write_basic_package_version_file(ConduitFlatFileDBConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(FILES
  "${PROJECT_BINARY_DIR}/ConduitFlatFileDBConfig.cmake"
  "${PROJECT_BINARY_DIR}/ConduitFlatFileDBConfigVersion.cmake"
  "${PROJECT_SOURCE_DIR}/cmake/FindAsio.cmake"
  DESTINATION "${config_dir}")

# An archive does not know what it needs, so a plain `pkg-config --libs` has to name it; a shared
# object does.
if(CONDUIT_USERS_NEED_DEPENDENCIES)
  set(pc_requires "Requires")
else()
  set(pc_requires "Requires.private")
endif()
set(pc_definitions "")
foreach(definition IN LISTS CONDUIT_ASIO_DEFINITIONS)
  string(APPEND pc_definitions " -D${definition}")
endforeach()
# The prefix is found from where the file lies, so that `cmake --install --prefix` works.
file(RELATIVE_PATH pc_to_prefix "${CMAKE_INSTALL_FULL_LIBDIR}/pkgconfig" "${CMAKE_INSTALL_PREFIX}")
string(REGEX REPLACE "/$" "" pc_to_prefix "${pc_to_prefix}")
configure_file(cmake/conduit_flat_file_db.pc.in conduit_flat_file_db.pc @ONLY)
install(FILES "${PROJECT_BINARY_DIR}/conduit_flat_file_db.pc" DESTINATION "${pkgconfig_dir}")

install(FILES "${PROJECT_SOURCE_DIR}/LICENSE" DESTINATION "${CMAKE_INSTALL_DOCDIR}")

if(TARGET ffdb)
  # So that it finds a shared library that was installed with it.
  file(RELATIVE_PATH bin_to_lib "${CMAKE_INSTALL_FULL_BINDIR}" "${CMAKE_INSTALL_FULL_LIBDIR}")
  set_target_properties(ffdb PROPERTIES INSTALL_RPATH "$ORIGIN/${bin_to_lib}")
  install(TARGETS ffdb RUNTIME)
endif()
