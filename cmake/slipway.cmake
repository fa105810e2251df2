# Flags shared by everything, and the functions that the folders' CMakeLists.txt call.

add_library(slipway_flags INTERFACE)
target_include_directories(slipway_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(slipway_flags INTERFACE -Wall -Wextra -Wpedantic -Werror -Wno-missing-field-initializers)
# GCC 12 takes the allocation of an optimised coroutine frame for a mismatched one, and at -O3 sees overlaps in
# `"literal" + std::string` that are not there.
target_compile_options(slipway_flags INTERFACE
  $<$<CXX_COMPILER_ID:GNU>:-Wno-mismatched-new-delete -Wno-restrict>)
# Asio and Beast are compiled once (util/asio_impl.cpp, net/*_impl.cpp), not in every file.
target_compile_definitions(slipway_flags INTERFACE
  BOOST_ASIO_SEPARATE_COMPILATION BOOST_BEAST_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED
  SLIPWAY_VERSION="${PROJECT_VERSION}")
# fmt and spdlog are compiled once as well (util/*_impl.cpp): the distribution's shared libraries do not fit a static program.
target_compile_definitions(slipway_flags INTERFACE FMT_SHARED SPDLOG_COMPILED_LIB SPDLOG_FMT_EXTERNAL SPDLOG_SHARED_LIB)
# A runner that waits should cost the host little memory, and most of that is the mapped program: -O2 instead of CMake's
# -O3, and sections that the linker can drop (slipway_small).
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG")
target_compile_options(slipway_flags INTERFACE $<$<CONFIG:Release>:-ffunction-sections> $<$<CONFIG:Release>:-fdata-sections>)
if(SLIPWAY_SANITIZE)
  target_compile_options(slipway_flags INTERFACE -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -g1)
  target_link_options(slipway_flags INTERFACE -fsanitize=address,undefined)
endif()

# slipway_library(<folder> [DEPENDS folder…] [LINK target…] [PRIVATE target…]): every *.cpp of the folder (and of its subfolders)
# becomes slipway_<folder>. DEPENDS are other folders, LINK and PRIVATE are foreign libraries.
function(slipway_library folder)
  cmake_parse_arguments(ARG "" "" "DEPENDS;LINK;PRIVATE" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.cpp)
  add_library(slipway_${folder} STATIC ${sources})
  target_link_libraries(slipway_${folder} PUBLIC slipway_flags ${ARG_LINK} PRIVATE ${ARG_PRIVATE})
  foreach(dependency ${ARG_DEPENDS})
    target_link_libraries(slipway_${folder} PUBLIC slipway_${dependency})
  endforeach()
endfunction()

# slipway_cold(<folder>…): their code waits for peers most of the time: small matters more than fast.
function(slipway_cold)
  if(SLIPWAY_SANITIZE)
    return()
  endif()
  foreach(folder ${ARGN})
    if(TARGET slipway_${folder})
      target_compile_options(slipway_${folder} PRIVATE $<$<CONFIG:Release>:-Os>)
    endif()
  endforeach()
endfunction()

# slipway_small(<program>): links what an optimised program needs and no more, the C++ runtime included, since a shared one is
# mapped as a whole. Equal functions become one where the linker can do that.
include(CheckLinkerFlag)
check_linker_flag(CXX "-fuse-ld=gold;-Wl,--icf=safe" SLIPWAY_LINKER_FOLDS)
function(slipway_small program)
  if(SLIPWAY_SANITIZE OR NOT CMAKE_BUILD_TYPE STREQUAL "Release")
    return()
  endif()
  target_link_options(${program} PRIVATE -Wl,--gc-sections -static-libstdc++ -static-libgcc)
  if(SLIPWAY_LINKER_FOLDS)
    target_link_options(${program} PRIVATE -fuse-ld=gold -Wl,--icf=safe)
  endif()
endfunction()
