# One folder per type of login method that leads to a provider. Adding one is a folder with
# <kind>.h, <kind>.cc, <kind>_test.cc, README.md and CMakeLists.txt, and its name in this list.
set(GATEHOUSE_IDENTITY_KINDS
  azure_ad
  github
  google
  google_apps
  oidc
  okta
)
# Types that the API spells otherwise than their folder.
set(GATEHOUSE_TYPE_OF_azure_ad azureAD)
set(GATEHOUSE_TYPE_OF_google_apps google-apps)

list(SORT GATEHOUSE_IDENTITY_KINDS)
foreach(kind IN LISTS GATEHOUSE_IDENTITY_KINDS)
  if(NOT DEFINED GATEHOUSE_TYPE_OF_${kind})
    set(GATEHOUSE_TYPE_OF_${kind} ${kind})
  endif()
endforeach()
