# gatehouse_embed(OUT NAME=FILE ...) writes OUT.cc with, for each file, the constants kNAME and
# kNAMEVersion (of its SHA-256) in gatehouse::pages, and configures again when a file changes.
function(gatehouse_embed out)
  set(source "#include \"pages/assets.h\"\n\nnamespace gatehouse::pages {\n")
  foreach(entry IN LISTS ARGN)
    string(REGEX MATCH "^([A-Za-z]+)=(.+)$" matched "${entry}")
    set(name ${CMAKE_MATCH_1})
    set(path ${CMAKE_CURRENT_SOURCE_DIR}/${CMAKE_MATCH_2})
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${path})
    file(READ ${path} content)
    file(SHA256 ${path} digest)
    string(SUBSTRING ${digest} 0 12 version)
    string(APPEND source
      "\nextern const std::string_view k${name};\n"
      "const std::string_view k${name} = R\"embedded(${content})embedded\";\n"
      "extern const std::string_view k${name}Version;\n"
      "const std::string_view k${name}Version = \"${version}\";\n")
  endforeach()
  string(APPEND source "\n}  // namespace gatehouse::pages\n")
  set(previous "")
  if(EXISTS ${out})
    file(READ ${out} previous)
  endif()
  if(NOT previous STREQUAL source)
    file(WRITE ${out} "${source}")
  endif()
endfunction()
